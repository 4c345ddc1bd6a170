import type { Millis } from '../../core/clock.js';
import type { RecordBatch } from './record-batch.js';

/** Thrown when records are not what their lengths say. */
export class DamagedRecords extends Error {
  override readonly name = 'DamagedRecords';
}

/**
 * Walks over the records of a batch, one after the other, without making objects of them: what is needed is cut out of the bytes.
 * Throws `DamagedRecords` when a length leads out of them. https://kafka.apache.org/documentation/#record
 */
export class RecordCursor {
  readonly bytes: Buffer;
  readonly #batch: RecordBatch;
  #at = 0;
  #left: number;
  offset = 0;
  timestamp: Millis = 0;
  /** Where key and value begin and end; a negative beginning: null. */
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Where the headers begin, and how many there are. */
  headersStart = 0;
  headerCount = 0;
  #end = 0;

  constructor(batch: RecordBatch) {
    this.#batch = batch;
    this.bytes = batch.records;
    this.#left = batch.header.count;
  }

  /** Whether times are those of the broker. */
  get appended(): boolean {
    return this.#batch.header.appendedAt !== undefined;
  }

  /** Goes to the next record; false: there is none. */
  next(): boolean {
    if (this.#left <= 0) return false;
    this.#left--;
    const { header } = this.#batch;
    const length = this.#varint();
    this.#end = this.#at + length;
    if (length < 0 || this.#end > this.bytes.length) throw this.#damaged();
    this.#at++;
    const timestampDelta = this.#varint();
    this.offset = header.firstOffset + this.#varint();
    this.timestamp = header.appendedAt ?? header.firstTimestamp + timestampDelta;
    const keyLength = this.#varint();
    this.keyStart = keyLength < 0 ? -1 : this.#at;
    this.#at += Math.max(0, keyLength);
    this.keyEnd = this.#at;
    const valueLength = this.#varint();
    this.valueStart = valueLength < 0 ? -1 : this.#at;
    this.#at += Math.max(0, valueLength);
    this.valueEnd = this.#at;
    this.headerCount = this.#varint();
    this.headersStart = this.#at;
    if (this.#at > this.#end || this.headerCount < 0) throw this.#damaged();
    this.#at = this.#end;
    return true;
  }

  /** Null where the record has none. */
  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  /** The headers, in their order; a name may come several times, and a value may be null. Read once, while the cursor is here. */
  headers(): readonly RawHeader[] {
    const found: RawHeader[] = [];
    const [after, end] = [this.#at, this.#end];
    this.#at = this.headersStart;
    for (let i = 0; i < this.headerCount; i++) {
      const nameStart = this.#length(end);
      const nameEnd = this.#at;
      const valueStart = this.#length(end);
      const name = nameStart < 0 ? '' : this.bytes.toString('utf8', nameStart, nameEnd);
      found.push({ name, value: valueStart < 0 ? null : this.bytes.subarray(valueStart, this.#at) });
    }
    this.#at = after;
    return found;
  }

  /** Passes over bytes behind their length. Returns where they begin, -1: null. */
  #length(end: number): number {
    const length = this.#varint();
    if (length < 0) return -1;
    const start = this.#at;
    this.#at += length;
    if (this.#at > end) throw this.#damaged();
    return start;
  }

  /** Seven bits a byte, the low ones first, and the sign in the lowest: whole numbers within +-2^53, which times are. */
  #varint(): number {
    const { bytes } = this;
    let byte = bytes[this.#at++];
    if (byte === undefined) throw this.#damaged();
    // Most are short.
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 63) throw this.#damaged();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #damaged(): DamagedRecords {
    return new DamagedRecords('the lengths of its records lead out of it');
  }
}

export interface RawHeader {
  readonly name: string;
  readonly value: Buffer | null;
}
