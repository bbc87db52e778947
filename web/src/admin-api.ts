/** Requests to the server that served us, by the session's cookie. */
import { signal as newSignal } from '@preact/signals';
import type { Me } from '../../src/operate/accounts/account-shapes.ts';
import { parseShown } from './shown-json.ts';

export class ApiError extends Error {
  status: number;
  code: string;
  /** The field of the request that is wrong. */
  field: string | undefined;

  constructor(status: number, code: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

/** Who is signed in: undefined until it is known, null for nobody. */
export const me = newSignal<Me | null | undefined>(undefined);

/** @throws ApiError with what the server says is wrong. */
export async function request(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'OFFLINE', 'The server does not answer');
  });
  if (response.ok) return response;
  if (response.status === 401 && me.value) me.value = null;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { code, message, error } = JSON.parse(text) as {
      code: string;
      message: string;
      error?: { field?: string };
    };
    return new ApiError(response.status, code, message, error?.field);
  } catch {
    return new ApiError(response.status, 'UNAVAILABLE', text || response.statusText);
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return parseShown(await (await request('GET', path, undefined, signal)).text()) as T;
}

/** A change; `body` is sent as JSON, an empty object without one. @throws ApiError */
export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await request(method, path, body ?? {})).json()) as T;
}

/** Learns who is signed in. */
export async function loadMe(): Promise<void> {
  try {
    me.value = await get<Me>('/admin/me');
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    me.value = null;
  }
}

/** True when the role of whoever is signed in reaches the one that is needed. */
export function may(needed: Me['role']): boolean {
  const roles = ['viewer', 'member', 'admin', 'owner'];
  return roles.indexOf(me.value?.role ?? '') >= roles.indexOf(needed);
}

/** True when whoever is signed in is not kept to some sources; admins never are. */
export function seesAllSources(): boolean {
  return may('admin') || me.value?.sources === null;
}

/** True when whoever is signed in may change this source, and what belongs to it. */
export function mayWrite(slug: string): boolean {
  if (!may('member')) return false;
  return seesAllSources() || me.value?.sources?.write.includes(slug) === true;
}

/**
 * Server-sent events of a path until the signal aborts or the server ends them. `EventSource` does
 * not say why the server refuses.
 * @param onOpen is called with the first bytes: the server is listening.
 */
export async function events(
  path: string,
  onEvent: (name: string, data: string) => void,
  signal: AbortSignal,
  onOpen: () => void = () => undefined,
): Promise<void> {
  const response = await request('GET', path, undefined, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let isOpen = false;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return;
    if (!isOpen) onOpen();
    isOpen = true;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n');
      const part = (name: string): string =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart())
          .join('\n');
      const data = part('data');
      if (data !== '') onEvent(part('event') || 'message', data);
    }
  }
}
