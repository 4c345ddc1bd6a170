import { Int32Builder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import { chunksOf } from '../core/chunks.js';
import { LIMITS } from '../core/limits.js';
import type { Repeat } from '../signals/versions.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** That a record, by the hash of its identity, came again. */
export interface RepeatOf extends Repeat {
  readonly key: string;
}

/** Keeps from where else contents came that a load had brought: undoing that load must leave them. */
export async function insertRepeats(store: Store, repeats: readonly RepeatOf[]): Promise<void> {
  for (const some of chunksOf(repeats, LIMITS.insertRows))
    await insertRows(
      store,
      encodeRows<RepeatOf>(
        'load_repeats',
        [
          column('key', new TextBuilder(), ({ key }) => BigInt(`0x${key}`).toString()),
          column('content', new Int32Builder(), ({ content }) => content),
          column('again', new TimeBuilder(), ({ again }) => again),
          column('load', new TextBuilder(), ({ load }) => load),
          column('arrived_at', new TimeBuilder(), ({ arrivedAt }) => arrivedAt),
        ],
        some,
      ),
    );
}
