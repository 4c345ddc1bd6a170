import { type LogEntry, type logCreator, logLevel } from 'kafkajs';
import type { Logger } from '../telemetry/log.js';

/**
 * kafkajs's log lines in ours. kafkajs logs what it is about to retry by itself (a leader election, a rebalance, a
 * connection that breaks while a broker restarts) as errors; operators would chase ghosts. Those lines stay at debug:
 * what does not heal is reported by Perennial itself, through the crash of a session, through health and metrics.
 */
export function kafkaLogCreator(logger: Logger): logCreator {
  return () => (entry) => {
    const { timestamp: _timestamp, logger: _name, message, stack, ...fields } = entry.log;
    const line = { ...fields, component: `kafkajs ${entry.namespace}`.trim() };
    switch (levelOf(entry)) {
      case logLevel.ERROR:
        logger.error({ ...line, stack }, message);
        return;
      case logLevel.WARN:
        logger.warn(line, message);
        return;
      default:
        logger.debug(line, message);
    }
  };
}

/** The namespaces whose errors kafkajs retries, or that end a session, which is then reported by us. */
const RETRIED = new Set(['Connection', 'BrokerPool', 'Cluster', 'Producer', 'Admin', 'Consumer', 'Runner']);
/** Errors that no retry heals. */
const PERMANENT = /authoriz|certificate|not supported|unsupported/i;
/** A refused user: three lines of kafkajs at each try, and one of ours that says what to check. */
const REFUSED_USER = /SASL|authenti/i;

function levelOf(entry: LogEntry): logLevel {
  if (entry.level === logLevel.INFO) return logLevel.DEBUG;
  if (entry.level !== logLevel.ERROR && entry.level !== logLevel.WARN) return entry.level;
  const { message, error } = entry.log as { message: string; error?: unknown };
  const text = `${message} ${error instanceof Error ? error.message : String(error ?? '')}`;
  if (REFUSED_USER.test(text)) return logLevel.DEBUG;
  if (PERMANENT.test(text)) return entry.level;
  return RETRIED.has(entry.namespace) || entry.level === logLevel.WARN ? logLevel.DEBUG : entry.level;
}
