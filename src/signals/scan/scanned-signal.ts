import type { Millis } from '../../core/clock.js';
import type { Category, Signal } from '../signal.js';

/** Numbers of `places` before those of the attributes: where id and subscription begin and end. */
export const HEAD = 4;
/** Numbers of `places` for each attribute: where its name and its text begin and end. */
export const EACH = 4;

/** What takes texts as bytes. */
export interface TextSink {
  pushBytes(bytes: Uint8Array, start: number, end: number): void;
}

/**
 * A signal whose texts are positions in the bytes of its message. Strings are created only when they are read, since most texts are just
 * copied into the store's columns. All but those of attributes are ASCII. References the bytes of the fetched batch.
 */
export class ScannedSignal implements Signal {
  readonly source: string;
  readonly category: Category;
  readonly type: string;
  readonly accountId: string;
  readonly occurredAt: Millis;
  readonly value: number | null;
  /** How many attributes there are. */
  readonly size: number;
  readonly #bytes: Buffer;
  /** Shared with others; this one's begin at `#at`. */
  readonly #places: Int32Array;
  readonly #at: number;

  /** @param places As `HEAD` and `EACH` say; attributes in the order of their names. */
  constructor(
    known: Pick<Signal, 'source' | 'category' | 'type' | 'accountId' | 'occurredAt' | 'value'>,
    bytes: Buffer,
    places: Int32Array,
    at: number,
    size: number,
  ) {
    this.source = known.source;
    this.category = known.category;
    this.type = known.type;
    this.accountId = known.accountId;
    this.occurredAt = known.occurredAt;
    this.value = known.value;
    this.size = size;
    this.#bytes = bytes;
    this.#places = places;
    this.#at = at;
  }

  get id(): string {
    return this.#cut(this.#at);
  }

  get subscriptionId(): string {
    return this.#cut(this.#at + 2);
  }

  get attributes(): Readonly<Record<string, string>> {
    const attributes: Record<string, string> = {};
    for (let i = 0; i < this.size; i++) {
      const at = this.#at + HEAD + i * EACH;
      attributes[this.#cut(at)] = this.#cut(at + 2, 'utf8');
    }
    return attributes;
  }

  writeId(to: TextSink): void {
    this.#write(this.#at, to);
  }

  writeSubscriptionId(to: TextSink): void {
    this.#write(this.#at + 2, to);
  }

  /** Name and text of one attribute, by its place in the order of names. */
  writeAttribute(i: number, name: TextSink, text: TextSink): void {
    const at = this.#at + HEAD + i * EACH;
    this.#write(at, name);
    this.#write(at + 2, text);
  }

  #cut(at: number, encoding: 'latin1' | 'utf8' = 'latin1'): string {
    if (this.#places[at] === this.#places[at + 1]) return '';
    return this.#bytes.toString(encoding, this.#places[at], this.#places[at + 1]);
  }

  #write(at: number, to: TextSink): void {
    to.pushBytes(this.#bytes, this.#places[at]!, this.#places[at + 1]!);
  }
}

/** Where the places of many signals are put: an array of its own for each would cost more than what is in it. */
export class PlacePool {
  static readonly #LENGTH = 32_768;
  places = new Int32Array(PlacePool.#LENGTH);
  #used = 0;

  /** Room for so many numbers, in `places` from the number that is returned. At most a few hundred. */
  take(count: number): number {
    if (this.#used + count > this.places.length) {
      this.places = new Int32Array(PlacePool.#LENGTH);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += count;
    return at;
  }
}
