/** Hashes of identities in queries. They go as one parameter: a list would take the engine three times as long to read. */

/** Text of a column with a hash, as `keyHash` writes it. */
export const KEY_HEX = (column: string): string => `leftPad(lower(hex(${column})), 16, '0')`;

/** The keys of `keysParams` as a column, for an IN. */
export const KEYS_SQL = `SELECT reinterpretAsUInt64(reverse(unhex(substring({keys:String}, number * 16 + 1, 16))))
  FROM numbers({count:UInt32})`;

export function keysParams(keys: readonly string[]): { keys: string; count: number } {
  return { keys: keys.join(''), count: keys.length };
}
