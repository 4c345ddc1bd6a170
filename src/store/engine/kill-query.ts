import { LIMITS } from '../../core/limits.js';
import { quoteText } from '../sql-quote.js';
import type { EngineConnection } from './engine-connection.js';

/**
 * Kills what runs with this mark in `log_comment` as soon as the signal aborts, again and again until it is over: a query that
 * has only just begun is not found at once. The function that comes back is called when it is over.
 */
export function killOnAbort(
  open: () => EngineConnection,
  mark: string,
  signal: AbortSignal,
): () => Promise<void> {
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  let killing: Promise<void> | undefined;
  const kill = async (): Promise<void> => {
    const connection = open();
    try {
      await connection.run(`KILL QUERY WHERE Settings['log_comment'] = ${quoteText(mark)} ASYNC`);
    } catch {
      // Nothing to kill is no error, and the next turn tries again.
    } finally {
      await connection.close();
    }
    if (!over) timer = setTimeout(onAbort, LIMITS.httpKillAgainMs);
  };
  const onAbort = () => {
    killing = kill();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return async () => {
    over = true;
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
    await killing;
  };
}
