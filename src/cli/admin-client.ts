/** Talks to the admin listener of the server that holds a data folder. */
import { systemDisk } from '../base/disk.ts';
import { ERROR_CODES, MillraceError, toError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { readAdminToken } from '../admin/admin-token.ts';
import { readServerFile } from '../serve/server-file.ts';

export interface AdminClient {
  adminUrl: string;
  collectorUrl: string;
  /** @throws MillraceError with the server's own code, or UNAVAILABLE. */
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** @throws MillraceError UNAVAILABLE when no server has left word in the folder. */
export async function connectAdmin(dataFolder: string): Promise<AdminClient> {
  const server = await readServerFile(systemDisk, dataFolder);
  if (!server) {
    throw new MillraceError('UNAVAILABLE', `No server runs on ${dataFolder}: start one with serve`);
  }
  const token = await readAdminToken(systemDisk, dataFolder);
  const { adminUrl, collectorUrl } = server;
  return {
    adminUrl,
    collectorUrl,
    async request(path, init = {}) {
      const headers = { ...init.headers, Authorization: `Bearer ${token}` };
      const response = await fetch(adminUrl + path, { ...init, headers }).catch(
        (error: unknown): never => {
          const message = `The server at ${adminUrl} does not answer: ${toError(error).message}`;
          throw new MillraceError('UNAVAILABLE', message, { cause: error });
        },
      );
      if (!response.ok) throw await errorOf(response);
      return response;
    },
  };
}

async function errorOf(response: Response): Promise<MillraceError> {
  const body: unknown = await response.json().catch(() => null);
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown;
    message?: unknown;
  };
  const known = typeof code === 'string' && code in ERROR_CODES;
  const text = typeof message === 'string' ? message : `The server answered ${response.status}`;
  return new MillraceError(known ? (code as ErrorCode) : 'UNAVAILABLE', text);
}
