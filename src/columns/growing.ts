/** A typed array that grows. */
export class Growing<A extends Float64Array | Int32Array> {
  readonly #make: new (
    length: number,
  ) => A;
  #array: A;
  length = 0;

  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#array = new make(1024);
  }

  push(value: number): void {
    if (this.length === this.#array.length) {
      const larger = new this.#make(this.length * 2);
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.length++] = value;
  }

  finish(): A {
    return this.#array.subarray(0, this.length) as A;
  }
}

/** Bits, lowest first, as Arrow's validity bitmaps are. */
export class Validity {
  #bytes = new Uint8Array(128);
  #unset = 0;
  length = 0;

  push(set: boolean): void {
    if (this.length >>> 3 === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    if (set) this.#bytes[this.length >>> 3]! |= 1 << (this.length & 7);
    else this.#unset++;
    this.length++;
  }

  bits(): Uint8Array {
    return this.#bytes.subarray(0, (this.length + 7) >>> 3);
  }

  finish(): { nullCount: number; nullBitmap?: Uint8Array } {
    return this.#unset === 0 ? { nullCount: 0 } : { nullCount: this.#unset, nullBitmap: this.bits() };
  }
}

/** Characters up to which a text is tried as ASCII first. */
const SHORT = 32;

/** UTF-8 text that grows. */
export class GrowingText {
  #bytes = Buffer.allocUnsafe(4096);
  /** Bytes that were pushed. */
  length = 0;

  push(value: string): void {
    const most = value.length * 3;
    if (this.length + most > this.#bytes.length) this.#grow(most);
    if (value.length > SHORT || !this.#pushAscii(value)) {
      // A lone surrogate becomes U+FFFD, as in every UTF-8 encoder.
      this.length += this.#bytes.write(value, this.length, 'utf8');
    }
  }

  /** Takes bytes that are UTF-8 as they are. */
  pushBytes(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.length + count > this.#bytes.length) this.#grow(count);
    const bytes = this.#bytes;
    const at = this.length;
    if (count > SHORT) bytes.set(from.subarray(start, end), at);
    else for (let i = 0; i < count; i++) bytes[at + i] = from[start + i]!;
    this.length += count;
  }

  /** Forgets what was pushed. */
  clear(): void {
    this.length = 0;
  }

  /** What was pushed; no copy. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.length);
  }

  /** Most texts are short and ASCII: a call into the runtime costs more than their bytes. False: not ASCII, nothing written. */
  #pushAscii(value: string): boolean {
    const bytes = this.#bytes;
    const at = this.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at + i] = code;
    }
    this.length += value.length;
    return true;
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.length + more));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}
