/** A fixed number of bits, 32 to a word. Bits past `length` are always 0, so that counts and comparisons are exact. */
export class Bitset {
  readonly length: number;
  readonly words: Uint32Array;

  constructor(length: number, words = new Uint32Array((length + 31) >>> 5)) {
    this.length = length;
    this.words = words;
  }

  static full(length: number): Bitset {
    const set = new Bitset(length);
    set.words.fill(0xffffffff);
    set.#trim();
    return set;
  }

  has(index: number): boolean {
    return ((this.words[index >>> 5]! >>> (index & 31)) & 1) === 1;
  }

  add(index: number): void {
    this.words[index >>> 5]! |= 1 << (index & 31);
  }

  remove(index: number): void {
    this.words[index >>> 5]! &= ~(1 << (index & 31));
  }

  /** Keeps what both hold. */
  and(other: Bitset): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! &= other.words[i]!;
    return this;
  }

  /** Adds what the other holds. */
  or(other: Bitset): this {
    for (let i = 0; i < this.words.length; i++) this.words[i]! |= other.words[i]!;
    return this;
  }

  /** Turns every bit over. */
  not(): this {
    for (let i = 0; i < this.words.length; i++) this.words[i] = ~this.words[i]!;
    this.#trim();
    return this;
  }

  clone(): Bitset {
    return new Bitset(this.length, this.words.slice());
  }

  isEmpty(): boolean {
    return this.words.every((word) => word === 0);
  }

  count(): number {
    let total = 0;
    for (let word of this.words) {
      word -= (word >>> 1) & 0x55555555;
      word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
      total += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return total;
  }

  /** The indexes held, rising. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.words.length; i++) {
      let word = this.words[i]!;
      while (word !== 0) {
        const lowest = word & -word;
        yield (i << 5) + 31 - Math.clz32(lowest);
        word ^= lowest;
      }
    }
  }

  #trim(): void {
    const spare = this.length & 31;
    if (spare !== 0) this.words[this.words.length - 1]! &= (1 << spare) - 1;
  }
}
