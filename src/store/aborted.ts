import { PerennialError } from '../core/errors.js';

/** Settles as the work does, or rejects with `cancelled` as soon as the signal aborts; the work then ends on its own. */
export async function aborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  work.catch(() => {});
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(cancelled(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export function cancelled(cause: unknown): PerennialError {
  if (cause instanceof PerennialError && cause.code === 'cancelled') return cause;
  return new PerennialError('cancelled', 'The query was cancelled.', { cause });
}
