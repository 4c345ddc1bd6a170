import { PerennialError } from '../core/errors.js';

/**
 * Runs work until its end, or until the person stops it by SIGINT or SIGTERM: then what is under way is finished first, and
 * the result is `cancelled`. For work that can be run again without doing anything twice.
 */
export async function untilStopped(
  what: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await work(abort.signal);
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
  if (abort.signal.aborted) {
    throw new PerennialError('cancelled', `${what} was stopped before its end.`, {
      hint: 'Run it again: what is in already does not go in twice.',
    });
  }
}
