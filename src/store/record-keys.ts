/** Hashes of identities in queries. They go as one parameter: a list would take the engine three times as long to read. */

/** Text of a column with a hash, as `keyHash` writes it. */
export const KEY_HEX = (column: string): string => `leftPad(lower(hex(${column})), 16, '0')`;

/**
 * The keys of `keysParams` as a column, for an IN. The text is decoded as a whole, in a query of its own: the engine names what is computed
 * by how it is written, with a constant of half a megabyte in each name.
 */
export const KEYS_SQL = `SELECT byteSwap(reinterpretAsUInt64(substring(bytes, number * 8 + 1, 8)))
  FROM (SELECT number, unhex({keys:String}) AS bytes FROM numbers({count:UInt32}))`;

/** So few keys are sooner read as a list than the engine plans the queries of `KEYS_SQL`. */
const LISTED = 16;

/** For an IN: the keys themselves where they are few, else `KEYS_SQL`. */
export function keysSql(keys: readonly string[]): string {
  return keys.length <= LISTED ? keys.map((key) => BigInt(`0x${key}`)).join(', ') : KEYS_SQL;
}

export function keysParams(keys: readonly string[]): { keys: string; count: number } {
  return { keys: keys.join(''), count: keys.length };
}
