import { topicNames } from '../kafka/topics.js';
import type { SignalCatalogue } from '../signals/catalogue.js';
import { parseMessage } from '../signals/parse.js';
import type { Fate } from '../signals/versions.js';
import { undoneLoads } from '../store/load-log.js';
import { deleteRejections, listRejections, type RejectionFilter } from '../store/rejected-signals.js';
import type { Store } from '../store/store.js';
import { type Written, writeBatch } from './batch-writer.js';
import type { Delivery } from './signal-source.js';
import { Tally } from './tally.js';

export interface ReplaySummary {
  /** Rejections looked at. */
  readonly read: number;
  /** Those that can be read now and are stored. */
  readonly accepted: number;
  /** What became of those: new, the same as before, corrected, or left out since retracted. */
  readonly fates: Readonly<Record<Fate, number>>;
  /** Those that still can't, by reason. */
  readonly stillRejected: Readonly<Record<string, number>>;
}

/** Rejections of one turn: their bytes go with a query. */
const PAGE = 200;

/**
 * Reads rejected messages again, after a fix of this program, its catalogue or its limits. What can be read now is stored
 * under its first origin and time of arrival, then taken out of the rejections; what can't stays. Dying half way loses
 * nothing, and a second replay does the rest. `onWritten` is called with each batch that was stored, before it is taken out.
 */
export async function replayRejections(
  store: Store,
  catalogue: SignalCatalogue,
  topicPrefix: string,
  filter: Omit<RejectionFilter, 'limit' | 'after'>,
  onWritten: (batch: readonly Delivery[], written: Written) => Promise<void> = async () => {},
): Promise<ReplaySummary> {
  const names = topicNames(topicPrefix);
  const stillRejected: Record<string, number> = {};
  const tally = new Tally();
  const undone = await undoneLoads(store);
  let read = 0;
  let accepted = 0;
  let after: RejectionFilter['after'];
  for (;;) {
    const page = await listRejections(store, {
      ...filter,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    const batch: Delivery[] = [];
    const done: (typeof page)[number][] = [];
    for (const rejection of page) {
      const { origin, raw, headers, receivedAt, load } = rejection;
      const expected =
        origin.topic === names.subscriptions
          ? 'subscription'
          : origin.topic === names.outcomes
            ? 'outcome'
            : names.signals.includes(origin.topic)
              ? 'signal'
              : 'any';
      const record = parseMessage({ body: raw, headers }, expected, { receivedAt, catalogue });
      if (record.kind === 'rejection') {
        const { reason } = record.rejection;
        stillRejected[reason] = (stillRejected[reason] ?? 0) + 1;
        continue;
      }
      // With what its load brought it can be undone; where that is done already, it comes by itself.
      batch.push({ record, origin, receivedAt, load: undone.has(load) ? '' : load });
      done.push(rejection);
    }
    if (batch.length > 0) {
      const written = await writeBatch(store, batch);
      tally.add(written);
      await onWritten(batch, written);
      await deleteRejections(store, done);
    }
    read += page.length;
    accepted += batch.length;
    if (page.length < PAGE) return { read, accepted, fates: tally.fates(), stillRejected };
    after = page.at(-1)!;
  }
}
