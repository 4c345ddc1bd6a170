import { hash } from 'node:crypto';

/**
 * Deterministic ids and revisions. The same parts give the same id on every machine and in every run; parts are
 * length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
 */
export function stableId(...parts: readonly (string | number)[]): string {
  let all = '';
  for (const part of parts) {
    const text = String(part);
    all += `${Buffer.byteLength(text)}:${text};`;
  }
  return hash('sha256', all, 'hex').slice(0, 32);
}

/** A subscription of an account as one text: ids of subscriptions are unique within an account only. */
export function subscriptionKey(accountId: string, subscriptionId: string): string {
  return `${accountId}\0${subscriptionId}`;
}

/** The short content hash that names a rule set or the scoring files in every score and decision: 12 hex digits. */
export function revisionOf(files: ReadonlyMap<string, string>): string {
  const parts = [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flat();
  return stableId(...parts).slice(0, 12);
}
