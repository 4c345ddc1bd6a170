/**
 * Which versions of signals, subscriptions and outcomes a question sees: conditions on rows of the log tables, which hold every
 * version that was ever sent (ADR 0090).
 */

/** Versions that hold now. */
export const HELD_NOW = "_ended = ''";

/** Versions that held at a time, as far as had arrived by then; `time` is an SQL expression. */
export function heldAt(time: string): string {
  return `received_at <= ${time} AND _until > ${time}`;
}
