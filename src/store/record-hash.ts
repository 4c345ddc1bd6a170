import xxhash from 'xxhash-wasm';
import { GrowingText } from '../columns/growing.js';

const { h32, h32Raw, h64ToString } = await xxhash();

/** Separates texts of which none can hold it by accident and still mean the same. */
const SEPARATOR = '\u001f';

/** Hash of the contents of a record, of which equal ones have equal hashes. Two versions of one record differ in it but for one in four billion. */
export function contentHash(parts: readonly string[]): number {
  return h32(parts.join(SEPARATOR)) | 0;
}

/** The same of contents that come one after the other: for those of every signal no list and no joined text is made. */
export class ContentHasher {
  readonly #text = new GrowingText();
  #begun = false;

  add(part: string): void {
    if (this.#begun) this.#text.push(SEPARATOR);
    this.#begun = true;
    this.#text.push(part);
  }

  /** The same of bytes that are UTF-8. */
  pushBytes(from: Uint8Array, start: number, end: number): void {
    if (this.#begun) this.#text.push(SEPARATOR);
    this.#begun = true;
    this.#text.pushBytes(from, start, end);
  }

  /** Continues the part before. */
  append(text: string): void {
    this.#text.push(text);
  }

  /** The hash; what comes then is of other contents. */
  finish(): number {
    const hash = h32Raw(this.#text.bytes()) | 0;
    this.#text.clear();
    this.#begun = false;
    return hash;
  }
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
