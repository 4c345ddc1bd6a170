import { stableId } from '../core/identity.js';
import type { RecordRetraction, RetractedRecord } from '../signals/retraction.js';
import { settleVersions, type Version } from '../signals/versions.js';
import { markEmptied } from '../store/accounts.js';
import type { Arrived } from '../store/encoded-rows.js';
import { insertRepeats, type RepeatOf } from '../store/load-repeats.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { keyHash } from '../store/record-hash.js';
import { daysOf } from '../store/record-index.js';
import type { RecordTable } from '../store/record-table.js';
import { insertRetractions, type LoggedRetraction } from '../store/retraction-log.js';
import { SIGNALS } from '../store/signal-log.js';
import type { Store } from '../store/store.js';
import { readVersions } from '../store/stored-versions.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { insertVersions } from '../store/write-records.js';

/** Keeps what producers took back by messages. The same message gives the same row, however often it is delivered. */
export async function logRetractions(
  store: Store,
  retractions: readonly Arrived<RecordRetraction>[],
): Promise<readonly LoggedRetraction[]> {
  const logged = retractions.map(
    ({ value: { record, reason }, origin, receivedAt, arrivedAt = receivedAt }) => {
      const key = keyHash(identityOf(record));
      const { topic, partition, offset } = origin;
      return {
        id: `m-${stableId('retraction', key, topic, partition, offset, arrivedAt).slice(0, 12)}`,
        kind: record.kind,
        key,
        source: record.kind === 'subscription' ? '' : record.source,
        recordId: record.kind === 'subscription' ? record.subscriptionId : record.id,
        accountId: record.kind === 'subscription' ? record.accountId : '',
        at: arrivedAt,
        reason,
        by: '',
        origin,
      };
    },
  );
  await insertRetractions(store, logged);
  return logged;
}

/** Ends what is stored of the records that were taken back. Resolves to the accounts they belong to. */
export async function applyRetractions(
  store: Store,
  retractions: readonly LoggedRetraction[],
): Promise<ReadonlySet<string>> {
  const accounts = new Set<string>();
  if (retractions.length === 0) return accounts;
  const keys = [...new Set(retractions.map(({ key }) => key))];
  const days = await daysOf(store, keys);
  const wanted = keys
    .filter((key) => days.has(key))
    .map((key) => ({ key, days: days.get(key)!, accounts: [] }));
  await end(SIGNALS);
  await end(SUBSCRIPTIONS);
  await end(OUTCOMES);
  await markEmptied(store, [...accounts]);
  return accounts;

  async function end<T>(of: RecordTable<T>): Promise<void> {
    const kinds = new Set(retractions.filter(({ kind }) => kind === of.kind).map(({ key }) => key));
    const changes: Version<T>[] = [];
    const repeated: RepeatOf[] = [];
    const stored = await readVersions(
      store,
      of,
      wanted.filter(({ key }) => kinds.has(key)),
    );
    for (const [key, versions] of stored) {
      for (const { value } of versions) accounts.add(of.accountOf(value));
      const { changed, repeats } = settleVersions(
        versions,
        [],
        retractions.filter((one) => one.key === key),
      );
      for (const version of changed) changes.push(version);
      for (const repeat of repeats) repeated.push({ key, ...repeat });
    }
    await insertRepeats(store, repeated);
    await insertVersions(store, of, changes);
  }
}

/** The identity of a record, as the index has it hashed. */
export function identityOf(record: RetractedRecord): string {
  switch (record.kind) {
    case 'signal':
      return SIGNALS.identityOf(record as never);
    case 'outcome':
      return OUTCOMES.identityOf(record as never);
    case 'subscription':
      return SUBSCRIPTIONS.identityOf(record as never);
  }
}
