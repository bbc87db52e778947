/** Light or dark: as the system says, until somebody chooses. */
import { signal } from '@preact/signals';

const KEY = 'millrace-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

function wanted(): 'light' | 'dark' {
  const chosen = localStorage.getItem(KEY);
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return system.matches ? 'dark' : 'light';
}

export const theme = signal<'light' | 'dark'>(wanted());

function show(): void {
  theme.value = wanted();
  document.documentElement.dataset['theme'] = theme.value;
}

export function toggleTheme(): void {
  localStorage.setItem(KEY, theme.value === 'dark' ? 'light' : 'dark');
  show();
}

system.addEventListener('change', show);
show();
