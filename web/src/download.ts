/** Files that are made from an answer, because a link cannot carry the token. */
import { request } from './admin-api.ts';

/** @throws ApiError with what the server says is wrong. */
export async function download(
  name: string,
  ask: { method: string; path: string; body?: unknown },
): Promise<void> {
  const response = await request(ask.method, ask.path, ask.body);
  saveAs(name, await response.blob());
}

export function saveAs(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // Some browsers read it only after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
