import { pino } from 'pino';
import type { Settings } from '../core/settings.js';

export type Logger = pino.Logger;

/**
 * The process's logger: one JSON object a line. Names of things are fields (`account`, `topic`), never part of the
 * message, so that messages can be counted. No secrets, and no values of messages: those may be personal.
 *
 * @param destination Where lines go. @default standard error, so that a command's output stays clean
 */
export function createLogger(
  level: Settings['PERENNIAL_LOG_LEVEL'],
  destination: { write(line: string): void } = pino.destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      errorKey: 'error',
    },
    destination,
  );
}

/** A logger that says nothing, for tests and for commands that report on their own. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
