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
    if (asked && !patient) endNow(signal);
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
 * By the signal itself, as if nothing listened: what exits runs the ends of native code, and the engine crashes when it is still at work.
 * The system lets no signal end a process with the id 1, as in a container, by default.
 */
function endNow(signal: NodeJS.Signals): void {
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
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
