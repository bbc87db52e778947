/**
 * Every expected failure has a row here: its stable code, the HTTP status it becomes when it
 * reaches an HTTP caller, and whether the caller may retry. Codes are public; see docs/errors.md.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: { status: 500, retry: 'no' },
  DATA_FOLDER_LOCKED: { status: 500, retry: 'no' },
  DATA_FORMAT_TOO_NEW: { status: 500, retry: 'no' },
  LOG_OVERLOADED: { status: 503, retry: 'after' },
  LOG_WRITE_FAILED: { status: 503, retry: 'after' },
  LOG_DISK_FULL: { status: 503, retry: 'after' },
  LOG_CLOSED: { status: 503, retry: 'after' },
  LOG_RECORD_TOO_LARGE: { status: 400, retry: 'no' },
  SQL_REFUSED: { status: 400, retry: 'no' },
  SQL_FAILED: { status: 400, retry: 'no' },
  SQL_TIMEOUT: { status: 408, retry: 'no' },
  SQL_BUSY: { status: 429, retry: 'after' },
  SQL_ANSWER_TOO_LARGE: { status: 400, retry: 'no' },
  SQL_CRASHED: { status: 400, retry: 'no' },
  SQL_CANCELLED: { status: 499, retry: 'no' },
  NOT_FOUND: { status: 404, retry: 'no' },
  CONFLICT: { status: 409, retry: 'no' },
  INVALID_ARGUMENT: { status: 400, retry: 'no' },
  ADDRESS_REFUSED: { status: 400, retry: 'no' },
  NET_FAILED: { status: 502, retry: 'yes' },
  DESTINATION_INVALID: { status: 400, retry: 'no' },
  DESTINATION_TEST_FAILED: { status: 422, retry: 'no' },
  SECRETS_SEALED: { status: 500, retry: 'no' },
  TOO_MANY_ATTEMPTS: { status: 429, retry: 'after' },
  FORBIDDEN: { status: 403, retry: 'no' },
  NOT_IMPLEMENTED: { status: 501, retry: 'no' },
  UNAUTHORIZED: { status: 401, retry: 'no' },
  UNAVAILABLE: { status: 503, retry: 'after' },
} as const satisfies Record<string, { status: number; retry: 'no' | 'yes' | 'after' }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure. `field` names the offending input by its path, when there is one. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; field?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.field = options.field;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** Turns anything thrown into an Error, so that catch blocks can add context. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The errno code (`ENOSPC`, `ENOENT`, …) of a system error, or undefined. */
export function errnoOf(thrown: unknown): string | undefined {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
