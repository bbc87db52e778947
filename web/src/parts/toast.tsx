/** Short confirmations at the edge of the page, also read aloud. */
import { signal } from '@preact/signals';

const SHOWN_MS = 5_000;
let lastId = 0;
const toasts = signal<readonly { id: number; text: string }[]>([]);

export function say(text: string): void {
  const id = ++lastId;
  toasts.value = [...toasts.value, { id, text }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }, SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
