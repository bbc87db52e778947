/** Settings of a user's own module. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { defineSettings } from '../destination-settings.ts';

const PATH_CHARS_MAX = 4_096;
const TIMEOUT_MS_MAX = 600_000;
const MEMORY_MB_MIN = 16;
const MEMORY_MB_MAX = 4_096;

const moduleSettings = defineSettings(
  z.strictObject({
    path: z
      .string()
      .min(1)
      .max(PATH_CHARS_MAX)
      .regex(/\.[cm]?[jt]s$/)
      .meta({
        label: 'Path',
        description: 'File of the module. A relative one begins where Millrace was started.',
        allowed: 'path of a .ts, .mts, .cts, .js, .mjs or .cjs file that exists',
      }),
    settings: z.record(z.string(), z.unknown()).default({}).meta({
      label: 'Settings',
      description: 'Handed to the module as they are.',
      allowed: 'object',
      isSecret: true,
    }),
    timeoutMs: z
      .int()
      .min(1)
      .max(TIMEOUT_MS_MAX)
      .default(30_000)
      .meta({
        label: 'Timeout',
        description: 'Milliseconds that a call may take; then the thread of the module is ended.',
        allowed: `integer, 1 to ${TIMEOUT_MS_MAX}`,
      }),
    memoryMb: z
      .int()
      .min(MEMORY_MB_MIN)
      .max(MEMORY_MB_MAX)
      .default(128)
      .meta({
        label: 'Memory',
        description: 'Megabytes of JavaScript objects that the module may hold.',
        allowed: `integer, ${MEMORY_MB_MIN} to ${MEMORY_MB_MAX}`,
      }),
  }),
);

export const MODULE_FIELDS = moduleSettings.fields;

/** What `parseSettings` returns; the path is absolute. */
export type ModuleSettings = ReturnType<typeof moduleSettings.parse>;

/** @throws MillraceError DESTINATION_INVALID naming the field. */
export function parseModuleSettings(given: unknown): ModuleSettings {
  const settings = moduleSettings.parse(given);
  const path = resolve(settings.path);
  try {
    createRequire(import.meta.url).resolve(path);
  } catch {
    throw new MillraceError('DESTINATION_INVALID', 'path: there is no such file', {
      field: 'path',
    });
  }
  return { ...settings, path };
}
