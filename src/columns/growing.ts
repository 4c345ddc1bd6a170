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
