import { constants } from 'node:os';
import { PerennialError } from '../core/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** One key press can come as several signals: npm and npx pass on what the terminal has sent already. */
const SAME_REQUEST_MS = 1_000;

/**
 * Calls `stop` once, at the first SIGINT or SIGTERM. Those that come right after it belong to the same request; a later one
 * ends the process at once. Returns how to no longer listen.
 */
export function onStopRequest(stop: (signal: NodeJS.Signals) => void): () => void {
  let asked = false;
  let patient = true;
  const listener = (signal: NodeJS.Signals) => {
    // By ourselves: of a process with the id 1, as in a container, the system lets no signal end it by default.
    if (asked && !patient) process.exit(128 + constants.signals[signal]);
    if (asked) return;
    asked = true;
    setTimeout(() => {
      patient = false;
    }, SAME_REQUEST_MS).unref();
    stop(signal);
  };
  const ignore = () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return ignore;
}

/**
 * Runs work until its end, or until the person stops it by SIGINT or SIGTERM: then what is running is finished first, and
 * the result is `cancelled`. For work that can be run again without doing anything twice.
 */
export async function untilStopped(
  what: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const ignore = onStopRequest(() => abort.abort());
  try {
    await work(abort.signal);
  } finally {
    ignore();
  }
  if (abort.signal.aborted) {
    throw new PerennialError('cancelled', `${what} was stopped before its end.`, {
      hint: 'Run it again: what is in already does not go in twice.',
    });
  }
}
