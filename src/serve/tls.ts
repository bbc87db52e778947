/** The collector's certificate: read at the start, read again when its files change. */
import type { Disk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { readWholeFile } from '../base/whole-file.ts';
import type { TlsMaterial } from '../collect/collector-messages.ts';
import type { Logger } from '../observe/logger.ts';
import { createSecureContext } from 'node:tls';

export interface TlsPaths {
  cert: string;
  key: string;
}

/**
 * Reads and checks certificate and key.
 * @throws MillraceError CONFIG_INVALID naming the setting when they cannot be used.
 */
export async function readTls(disk: Disk, paths: TlsPaths): Promise<TlsMaterial> {
  const cert = await readPem(disk, paths.cert, 'tls.cert');
  const key = await readPem(disk, paths.key, 'tls.key');
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const message = `tls: certificate and key cannot be used: ${toError(error).message}`;
    throw new MillraceError('CONFIG_INVALID', message, { cause: error, field: 'tls' });
  }
  return { cert, key };
}

async function readPem(disk: Disk, path: string, field: string): Promise<string> {
  try {
    return (await readWholeFile(disk, path)).toString('utf8');
  } catch (error) {
    const message = `${field}: cannot read ${path}: ${toError(error).message}`;
    throw new MillraceError('CONFIG_INVALID', message, { cause: error, field });
  }
}

export interface TlsWatch {
  /** New material, or null. A renewal that is half written is tried again at the next check. */
  changed(): Promise<TlsMaterial | null>;
}

/** Remembers what was read, so that a check tells whether anything changed. */
export function createTlsWatch(
  disk: Disk,
  paths: TlsPaths,
  first: TlsMaterial,
  logger: Logger,
): TlsWatch {
  let current = first;
  let lastFailure = '';
  return {
    async changed() {
      try {
        const found = await readTls(disk, paths);
        lastFailure = '';
        if (found.cert === current.cert && found.key === current.key) return null;
        current = found;
        return found;
      } catch (error) {
        const { message } = toError(error);
        if (message !== lastFailure) {
          logger.error({ reason: message }, 'new certificate refused; the old one stays');
        }
        lastFailure = message;
        return null;
      }
    },
  };
}
