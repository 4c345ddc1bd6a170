/**
 * A record with those members, which are times in milliseconds, as RFC 3339 text: every time that `--json` prints is one.
 * Null, a time that there is not, stays null.
 */
export function withTimes<T extends object, K extends keyof T>(
  record: T,
  ...times: readonly K[]
): Omit<T, K> & Record<K, string | null> {
  const texts = times.map((name) => {
    const time = record[name] as number | null;
    return [name, time === null ? null : new Date(time).toISOString()] as const;
  });
  return { ...record, ...(Object.fromEntries(texts) as Record<K, string | null>) };
}
