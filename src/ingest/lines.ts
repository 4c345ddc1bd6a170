/** One line of a file, without its line end. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Longer than allowed: `bytes` is only its start. */
  readonly cut: boolean;
  /** The file ends in it, without a line end. */
  readonly isLast: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Splits bytes into lines, in groups as they come in. Memory is bounded by the largest piece of input and `maxBytes`,
 * whatever the length of a line.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<readonly Line[]> {
  let number = 1;
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let cut = false;
  const keep = (part: Uint8Array) => {
    const room = maxBytes - keptBytes;
    if (part.length > room) cut = true;
    const taken = part.subarray(0, room);
    if (taken.length === 0) return;
    kept.push(taken);
    keptBytes += taken.length;
  };
  const take = (isLast = false): Line => {
    let bytes = kept.length === 1 ? kept[0]! : Buffer.concat(kept, keptBytes);
    if (!cut && bytes.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
    const line = { number: number++, bytes, cut, isLast };
    kept = [];
    keptBytes = 0;
    cut = false;
    return line;
  };
  for await (const piece of input) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      keep(piece.subarray(start, end));
      start = end + 1;
      lines.push(take());
    }
    // Copied, so that a line that goes on does not hold the whole piece.
    if (start < piece.length) keep(Uint8Array.from(piece.subarray(start, start + maxBytes - keptBytes + 1)));
    if (lines.length > 0) yield lines;
  }
  if (keptBytes > 0) yield [take(true)];
}

/** Whether a line holds nothing but blanks. */
export function isBlank({ bytes }: Line): boolean {
  for (const byte of bytes) {
    if (byte !== 0x20 && byte !== 0x09 && byte !== RETURN) return false;
  }
  return true;
}
