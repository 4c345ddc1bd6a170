import { IntegerBuilder, TextBuilder, TextListBuilder } from '../columns/arrow-builder.js';
import { column, encodeRows, insertRows } from '../store/encoded-rows.js';
import type { Load } from '../store/load-log.js';
import { keyHash } from '../store/record-hash.js';
import { KEYS_SQL, keysParams } from '../store/record-keys.js';
import type { Store } from '../store/store.js';
import { keyOfRecord } from './key-of-record.js';
import type { Delivery } from './signal-source.js';
import { NONE_WITHDRAWN, type Withdrawn, withdrawRecords } from './withdraw-records.js';

/** A row that may be cut off, with what it brought. Of its text only a hash is kept: it may be personal. */
interface CutRow {
  readonly line: number;
  readonly bytes: number;
  readonly hash: string;
  readonly keys: readonly string[];
}

/**
 * A file that ends without a line end may have been cut off in its last cell, though most such files are whole. So its last row
 * goes in and is remembered, and when a row on the same line of an export of the same source begins as it does and goes on,
 * what the beginning had brought is taken out: a signal without an id of its own would be there twice.
 */
export class CutRows {
  readonly #store: Store;
  readonly #load: Load;
  readonly #earlier: ReadonlyMap<number, readonly CutRow[]>;
  readonly #own = new Map<number, { row: Uint8Array; keys: string[] }>();
  readonly #gone = new Set<string>();
  readonly #whole = new Set<string>();

  private constructor(store: Store, load: Load, earlier: ReadonlyMap<number, readonly CutRow[]>) {
    this.#store = store;
    this.#load = load;
    this.#earlier = earlier;
  }

  static async for(store: Store, load: Load): Promise<CutRows> {
    const rows = await store.rows<CutRow>(
      `SELECT line, bytes, hash, keys FROM load_cut_rows
       WHERE source = {source:String} AND load_id NOT IN (SELECT load_id FROM loads WHERE undone_at IS NOT NULL)`,
      { source: load.source },
    );
    const byLine = new Map<number, CutRow[]>();
    for (const row of rows) byLine.set(row.line, [...(byLine.get(row.line) ?? []), row]);
    return new CutRows(store, load, byLine);
  }

  /** Looks at what comes in. */
  see(batch: readonly Delivery[]): void {
    for (const { record, origin, row } of batch) {
      if (row === undefined) continue;
      const earlier = this.#earlier.get(origin.offset);
      if (earlier === undefined && row.isLast !== true) continue;
      const key = keyOfRecord(record);
      if (key === undefined) continue;
      if (row.isLast === true) {
        const own = this.#own.get(origin.offset) ?? { row: row.raw, keys: [] };
        own.keys.push(key);
        this.#own.set(origin.offset, own);
      }
      for (const cut of earlier ?? []) {
        if (cut.bytes >= row.raw.length || hashOf(row.raw.subarray(0, cut.bytes)) !== cut.hash) continue;
        this.#whole.add(key);
        for (const gone of cut.keys) this.#gone.add(gone);
      }
    }
  }

  /** Takes out what beginnings had brought whose whole rows have come now, and remembers rows for later. Resolves to how many records went. */
  async settle(): Promise<Withdrawn> {
    type Own = readonly [line: number, of: { readonly row: Uint8Array; readonly keys: readonly string[] }];
    await insertRows(
      this.#store,
      encodeRows<Own>(
        'load_cut_rows',
        [
          column('load_id', new TextBuilder(), () => this.#load.id),
          column('source', new TextBuilder(), () => this.#load.source),
          column('line', new IntegerBuilder(), ([line]: Own) => line),
          column('bytes', new IntegerBuilder(), ([, { row }]: Own) => row.length),
          column('hash', new TextBuilder(), ([, { row }]: Own) => hashOf(row)),
          column('keys', new TextListBuilder(), ([, { keys }]: Own) => keys),
        ],
        this.#own,
      ),
    );
    const gone = [...this.#gone].filter((key) => !this.#whole.has(key));
    if (gone.length === 0) return NONE_WITHDRAWN;
    return withdrawRecords(
      this.#store,
      (of) =>
        `_load IN (SELECT load_id FROM load_cut_rows WHERE source = {source:String}) AND ${of.keySql} IN (${KEYS_SQL})`,
      { source: this.#load.source, ...keysParams(gone) },
      { by: this.#load.id, now: this.#load.startedAt },
    );
  }
}

function hashOf(bytes: Uint8Array): string {
  return keyHash(Buffer.from(bytes).toString('utf8'));
}
