import { pino, stdSerializers } from 'pino';
import { PerennialError } from '../core/errors.js';
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
      serializers: { error: logged },
    },
    destination,
  );
}

/** An error in words; a defect with its stack too. */
function logged(thrown: unknown): unknown {
  if (!(thrown instanceof PerennialError) || thrown.code === 'internal')
    return thrown instanceof Error ? stdSerializers.err(thrown) : thrown;
  const { code, reason, message, hint, cause } = thrown;
  return { code, reason, message, hint, ...(cause === undefined ? {} : { cause: String(cause) }) };
}

/** A logger that says nothing, for tests and for commands that report on their own. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
