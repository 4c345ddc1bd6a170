/** A power of two. */
const SLOTS = 32_768;

/**
 * Texts that come again and again, such as accounts and types: one that was cut from bytes before is not cut once more. Bytes are
 * ASCII. Keeps the last text of each slot, so it stays small however many texts there are.
 */
export class KnownTexts {
  readonly #texts: string[] = new Array<string>(SLOTS).fill('');
  readonly #check: (text: string) => void;

  /** @param check Called for each text that is not known: what it throws for is not kept. */
  constructor(check: (text: string) => void) {
    this.#check = check;
  }

  at(bytes: Buffer, start: number, end: number): string {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#texts[slot]!;
    if (isText(known, bytes, start, end)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#check(text);
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether the bytes, of which there are some, are those of the text. */
export function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  const { length } = text;
  if (length !== end - start || length === 0) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
