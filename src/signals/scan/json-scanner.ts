import { isUtf8 } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const DOT = 0x2e;

/** Digits of a number that a double holds exactly, whatever they are. */
const DIGITS = 15;
const POWERS = Array.from({ length: DIGITS + 1 }, (_, i) => 10 ** i);

/** Bytes that stand for themselves in a JSON text: ASCII to be seen, and blanks. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH ? 1 : 0,
);

/**
 * Reads JSON from bytes without creating objects or strings. Supports a part of JSON: texts without escapes, numbers of few digits.
 * Its methods return false for anything else, which has to be read by `JSON.parse`.
 */
export class JsonScanner {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** Where the text that was passed last begins and ends, or the number. */
  start = 0;
  end = 0;
  /** The number that was passed last, and whether it was written without a point. */
  number = 0;
  isWhole = true;

  begin(bytes: Buffer, at: number): void {
    this.bytes = bytes;
    this.at = at;
  }

  /** Whether nothing but blanks is left up to there. What was read may have led further: then it was not all of the text. */
  isOver(end: number): boolean {
    const { bytes } = this;
    let { at } = this;
    while (at < end && isBlank(bytes[at]!)) at++;
    return at === end;
  }

  /** The next byte that is no blank; it is not passed. NaN at the end. */
  peek(): number {
    const { bytes } = this;
    let code = bytes[this.at];
    while (code !== undefined && isBlank(code)) code = bytes[++this.at];
    return code ?? Number.NaN;
  }

  /** Passes over one byte behind blanks, if it is this one. */
  take(wanted: number): boolean {
    if (this.peek() !== wanted) return false;
    this.at++;
    return true;
  }

  /** Passes over a text. */
  text(): boolean {
    if (this.peek() !== QUOTE) return false;
    const { bytes } = this;
    let at = this.at + 1;
    this.start = at;
    while (PLAIN[bytes[at]!] === 1) at++;
    if (bytes[at] !== QUOTE) return false;
    this.end = at;
    this.at = at + 1;
    return true;
  }

  /** Passes over a text that need not be ASCII, if it is UTF-8. */
  anyText(): boolean {
    if (this.text()) return true;
    if (this.peek() !== QUOTE) return false;
    const { bytes } = this;
    let at = this.at + 1;
    while (PLAIN[bytes[at]!] === 1 || bytes[at]! > 0x7f) at++;
    if (bytes[at] !== QUOTE || !isUtf8(bytes.subarray(this.at + 1, at))) return false;
    this.start = this.at + 1;
    this.end = at;
    this.at = at + 1;
    return true;
  }

  /** Passes over a text if it is this one. Bytes of `wanted` are plain. */
  isText(wanted: Uint8Array): boolean {
    if (this.peek() !== QUOTE) return false;
    const { bytes } = this;
    const start = this.at + 1;
    const end = start + wanted.length;
    if (bytes[end] !== QUOTE) return false;
    for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
    this.start = start;
    this.end = end;
    this.at = end + 1;
    return true;
  }

  /** Passes over a number. One without a point is written as `String` writes it. */
  decimal(): boolean {
    const { bytes } = this;
    let code = this.peek();
    let at = this.at;
    this.start = at;
    const negative = code === MINUS;
    if (negative) code = bytes[++at]!;
    const first = at;
    let number = 0;
    while (code >= ZERO && code <= NINE) {
      number = number * 10 + (code - ZERO);
      code = bytes[++at]!;
    }
    let digits = at - first;
    this.isWhole = code !== DOT;
    if (digits === 0 || (digits > 1 && bytes[first] === ZERO)) return false;
    if (code === DOT) {
      const point = at;
      code = bytes[++at]!;
      while (code >= ZERO && code <= NINE) {
        number = number * 10 + (code - ZERO);
        code = bytes[++at]!;
      }
      const decimals = at - point - 1;
      if (decimals === 0) return false;
      digits += decimals;
      if (digits > DIGITS) return false;
      // Both are exact, so their quotient is the nearest double.
      number /= POWERS[decimals]!;
    }
    if (digits > DIGITS || code === 0x65 || code === 0x45 || (negative && number === 0)) return false;
    this.number = negative ? -number : number;
    this.end = at;
    this.at = at;
    return true;
  }

  /** Passes over `true` or `false`. */
  boolean(): boolean {
    this.peek();
    const { bytes, at } = this;
    for (const word of BOOLEANS) {
      let same = 0;
      while (same < word.length && bytes[at + same] === word[same]) same++;
      if (same < word.length) continue;
      this.start = at;
      this.at = this.end = at + word.length;
      return true;
    }
    return false;
  }
}

const BOOLEANS = ['true', 'false'].map((word) => Buffer.from(word));

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
