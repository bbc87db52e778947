/** Light or dark: as the system says, until somebody chooses. */
import { signal } from '@preact/signals';

const KEY = 'millrace-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

function wanted(): 'light' | 'dark' {
  return chosenTheme() ?? (system.matches ? 'dark' : 'light');
}

export const theme = signal<'light' | 'dark'>(wanted());

function show(): void {
  theme.value = wanted();
  document.documentElement.dataset['theme'] = theme.value;
}

/** Null: as the system says. */
export function chosenTheme(): 'light' | 'dark' | null {
  const chosen = localStorage.getItem(KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : null;
}

export function chooseTheme(chosen: 'light' | 'dark' | null): void {
  if (chosen === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, chosen);
  show();
}

export function toggleTheme(): void {
  chooseTheme(theme.value === 'dark' ? 'light' : 'dark');
}

system.addEventListener('change', show);
show();
