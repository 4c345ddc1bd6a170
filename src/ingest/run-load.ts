import { TextBuilder } from '../columns/arrow-builder.js';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { column, encodeRows, insertRows } from '../store/encoded-rows.js';
import { type Load, NO_COUNTS, newLoadId, saveLoad } from '../store/load-log.js';
import { settleRecords } from '../store/settle-records.js';
import type { Store } from '../store/store.js';
import { alone } from './alone.js';
import { type Written, writeBatch } from './batch-writer.js';
import { CutRows } from './cut-rows.js';
import { keyOfRecord } from './key-of-record.js';
import type { Delivery } from './signal-source.js';
import { Tally } from './tally.js';
import { NONE_WITHDRAWN, type Withdrawn, withdrawRecords } from './withdraw-records.js';

export interface LoadPlan extends Pick<Load, 'kind' | 'source' | 'mapping' | 'files' | 'by'> {
  /** What earlier loads of this source brought, and this one does not, is taken out. */
  readonly replace?: boolean;
}

export interface LoadResult {
  readonly load: Load;
  readonly tally: Tally;
  /** What kept `replace` from taking anything out. */
  readonly notReplaced: string | undefined;
}

/**
 * Runs work that writes batches as one load: everything it brings carries its id. The load is in the store from its beginning, with
 * its counts from its end on; work that fails leaves it as failed, with what it had brought. `tell` hears of the accounts concerned, once what
 * concerns them is durable.
 */
export async function runLoad(
  store: Store,
  { replace = false, ...plan }: LoadPlan,
  clock: Clock,
  work: (write: (batch: readonly Delivery[]) => Promise<Written>) => Promise<void>,
  tell: (accounts: Iterable<string>) => Promise<void> = async () => {},
): Promise<LoadResult> {
  const startedAt = clock();
  const begun: Load = {
    ...plan,
    ...{ id: newLoadId(startedAt), status: 'running', startedAt, finishedAt: null, counts: NO_COUNTS },
    ...{ undoneAt: null, undoneBy: '', undoneReason: '' },
  };
  await saveLoad(store, begun);
  const tally = new Tally();
  const cutRows = await CutRows.for(store, begun);
  const finish = async (status: 'done' | 'failed', withdrawn: number): Promise<Load> => {
    tally.settled((await alone(store, () => settleRecords(store))).corrected);
    const { new: fresh, same, corrected, retracted } = tally.fates();
    const counts = { new: fresh, same, corrected, retracted, withdrawn, rejected: tally.rejections };
    const load: Load = { ...begun, status, finishedAt: clock(), counts };
    await saveLoad(store, load);
    return load;
  };
  try {
    await work(async (batch) => {
      const marked = batch.map((delivery) => ({ ...delivery, load: begun.id }));
      if (replace) await noteSeen(store, begun.id, marked);
      cutRows.see(marked);
      const written = await writeBatch(store, marked);
      tally.add(written);
      await tell(written.accounts);
      return written;
    });
  } catch (thrown) {
    await finish('failed', 0);
    throw thrown;
  }
  const notReplaced = replace ? obstacle(tally) : undefined;
  const cut = await cutRows.settle();
  const unseen = replace && notReplaced === undefined ? await withdrawUnseen(store, begun) : NONE_WITHDRAWN;
  await tell([...cut.accounts, ...unseen.accounts]);
  return { load: await finish('done', cut.records + unseen.records), tally, notReplaced };
}

/** A row that can't be read is no row that is gone, and an export without rows is hardly one that was meant. */
function obstacle(tally: Tally): string | undefined {
  if (tally.rejections > 0)
    return `${tally.rejections} rows were rejected, so nothing was taken out: what they hold would have gone. Mend them, and run it again.`;
  const records = Object.values(tally.fates()).reduce((sum, count) => sum + count, 0);
  return records > 0
    ? undefined
    : 'The files brought no record, so nothing was taken out. To take out all that came before, undo its loads.';
}

async function noteSeen(store: Store, load: string, batch: readonly Delivery[]): Promise<void> {
  const keys = batch.flatMap(({ record }) => keyOfRecord(record) ?? []);
  await insertRows(
    store,
    encodeRows<string>(
      'load_seen',
      [
        column('load_id', new TextBuilder(), () => load),
        column('key', new TextBuilder(), (key: string) => BigInt(`0x${key}`).toString()),
      ],
      keys,
    ),
  );
}

const OF_SOURCE = `SELECT load_id FROM loads WHERE source = {source:String} AND kind = 'import' AND load_id != {load:String}`;

/** Takes out what earlier loads of the source brought, nobody else did, and this one did not again. */
async function withdrawUnseen(store: Store, { id, source, startedAt }: Load): Promise<Withdrawn> {
  if (source === '')
    throw new PerennialError('invalid_argument', 'Only an import has a source whose records it replaces.');
  return withdrawRecords(
    store,
    (
      of,
    ) => `_load IN (${OF_SOURCE}) AND ${of.keySql} NOT IN (SELECT key FROM load_seen WHERE load_id = {load:String})
      AND (${of.keySql}, _content, _again) NOT IN (SELECT key, content, again FROM load_repeats
        WHERE load NOT IN (${OF_SOURCE}) AND load NOT IN (SELECT load_id FROM loads WHERE undone_at IS NOT NULL))`,
    { load: id, source },
    { by: id, now: startedAt },
  );
}
