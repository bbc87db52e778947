import { pino } from 'pino';

/**
 * Structured logs, one JSON object a line on standard error. ERROR: data at risk or a person
 * needed. WARN: odd, nothing lost. INFO: start, stop, config, recovery. Normal traffic logs
 * nothing. Values that users send are passed as fields, never inside the message text.
 */
export interface Logger {
  error(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  debug(fields: Record<string, unknown>, message: string): void;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

const STANDARD_ERROR = 2;

/** A logger of one component, which every line names. */
export function createLogger(component: string, level: LogLevel): Logger {
  return pino(
    {
      level,
      base: { component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['authorization', 'writeKey', '*.authorization', '*.writeKey'],
    },
    pino.destination({ dest: STANDARD_ERROR, sync: true }),
  );
}

/** A logger whose every line has these fields too. */
export function withFields(logger: Logger, fields: Record<string, unknown>): Logger {
  return {
    error: (more, message) => logger.error({ ...fields, ...more }, message),
    warn: (more, message) => logger.warn({ ...fields, ...more }, message),
    info: (more, message) => logger.info({ ...fields, ...more }, message),
    debug: (more, message) => logger.debug({ ...fields, ...more }, message),
  };
}
