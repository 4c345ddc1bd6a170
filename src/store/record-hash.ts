import xxhash from 'xxhash-wasm';

const { h32, h64ToString } = await xxhash();

/** Separates texts of which none can hold it by accident and still mean the same. */
export const SEPARATOR = '\u001f';

/** Hash of the contents of a record, of which equal ones have equal hashes. Two versions of one record differ in it but for one in four billion. */
export function contentHash(parts: readonly string[]): number {
  return textHash(parts.join(SEPARATOR));
}

/** The same of contents that stand in one text, with `SEPARATOR` between them. */
export function textHash(text: string): number {
  return h32(text) | 0;
}

/** Hash of an identity, as 16 hex digits: what the views over the log tables compute with xxHash64. */
export function keyHash(identity: string): string {
  return h64ToString(identity);
}

const lengths = new Map<string, string>();

/** A text behind its length in bytes, so that ("ab", "c") and ("a", "bc") differ. */
export function withLength(text: string): string {
  let known = lengths.get(text);
  if (known === undefined) {
    known = `${Buffer.byteLength(text)}:${text}`;
    // Sources are few; accounts may be many.
    if (lengths.size > 10_000) lengths.clear();
    lengths.set(text, known);
  }
  return known;
}

/** Hash of a record's members in the order of their names, so that the order in which they were set is nothing. */
export function membersHash(contents: Readonly<Record<string, unknown>>): number {
  const names = Object.keys(contents).sort();
  return contentHash(
    names.map((name) =>
      Array.isArray(contents[name]) ? JSON.stringify(contents[name]) : String(contents[name]),
    ),
  );
}
