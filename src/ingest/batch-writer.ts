import { chunksOf } from '../core/chunks.js';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { accountOf } from '../signals/parsed.js';
import type { RecordRetraction } from '../signals/retraction.js';
import type { Origin, Rejection, Signal } from '../signals/signal.js';
import type { Outcome, Subscription, Tombstone } from '../signals/subscription.js';
import type { Fate } from '../signals/versions.js';
import { type Arrived, insertRows } from '../store/encoded-rows.js';
import { endedStates } from '../store/ended-subscriptions.js';
import { type ErasedNames, readErasedNames } from '../store/erased-names.js';
import { fileMisaddressed } from '../store/misaddressed-answers.js';
import { settleMoves } from '../store/moved-subscriptions.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { contentHash } from '../store/record-hash.js';
import { encodeRejections } from '../store/rejection-log.js';
import { SIGNALS } from '../store/signal-log.js';
import type { Store } from '../store/store.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { type WrittenRecords, writeRecords } from '../store/write-records.js';
import { alone } from './alone.js';
import { applyRetractions, logRetractions } from './retract-messages.js';
import type { Delivery } from './signal-source.js';

/** What became of one delivery. `erased`: left out because its account was erased; `retraction`: it took back another record. */
export type DeliveryFate = Fate | 'rejected' | 'retraction' | 'erased';

export type Counts = Readonly<Record<Fate, number>>;

/** What one batch came to. */
export interface Written {
  /** What became of each delivery, in the order given. Whatever counts counts these. */
  readonly fates: readonly DeliveryFate[];
  readonly signals: Counts;
  /** Tombstones among them. */
  readonly subscriptions: Counts;
  readonly outcomes: Counts;
  readonly rejections: number;
  /** Records that were taken back by messages of their producers. */
  readonly retractions: number;
  /** Records and refused messages left out because their account was erased. */
  readonly erased: number;
  /** Accounts whose risk may have changed. Those of repeats are among them: that they were scored is not known. */
  readonly accounts: ReadonlySet<string>;
}

/**
 * Writes a batch of deliveries to the log tables and resolves once every row is durable. Writing the same batch again, in whole
 * or in part, changes nothing that the exact views show.
 */
export async function writeBatch(store: Store, deliveries: readonly Delivery[]): Promise<Written> {
  const erased = await readErasedNames(store);
  const signals = new Part<Signal>();
  const subscriptions = new Part<Subscription>();
  const outcomes = new Part<Outcome>();
  const tombstones = new Part<Tombstone>();
  const rejections: Arrived<Rejection>[] = [];
  const retractions: Arrived<RecordRetraction>[] = [];
  const fates: DeliveryFate[] = [];
  const accounts = new Set<string>();
  for (const [place, delivery] of deliveries.entries()) {
    const { record } = delivery;
    // Those of the records are put in when these are written.
    fates.push('same');
    if (isErased(record, erased)) {
      fates[place] = 'erased';
      continue;
    }
    switch (record.kind) {
      case 'signal':
        signals.add(place, new ArrivedRecord(record.signal, delivery));
        accounts.add(record.signal.accountId);
        break;
      case 'subscription':
        subscriptions.add(place, new ArrivedRecord(record.subscription, delivery));
        accounts.add(record.subscription.accountId);
        break;
      case 'outcome':
        outcomes.add(place, new ArrivedRecord(record.outcome, delivery));
        accounts.add(record.outcome.accountId);
        break;
      case 'tombstone':
        tombstones.add(place, new ArrivedRecord(record.tombstone, delivery));
        accounts.add(record.tombstone.accountId);
        break;
      case 'retraction':
        fates[place] = 'retraction';
        retractions.push(new ArrivedRecord(record.retraction, delivery));
        break;
      case 'rejection':
        fates[place] = 'rejected';
        rejections.push(new ArrivedRecord(record.rejection, delivery));
        break;
    }
  }
  return alone(store, async () => {
    // First, so that what they concern is left out also where it comes in the same batch.
    const logged = await logRetractions(store, retractions);
    const take = (part: Part<unknown>, written: WrittenRecords) => {
      for (const [i, fate] of written.fates.entries()) fates[part.places[i]!] = fate;
      for (const before of written.accounts) accounts.add(before);
    };
    take(signals, await writeRecords(store, SIGNALS, signals.records));
    take(subscriptions, await writeRecords(store, SUBSCRIPTIONS, subscriptions.records));
    take(tombstones, await writeTombstones(store, tombstones.records));
    take(outcomes, await writeRecords(store, OUTCOMES, outcomes.records));
    for (const some of chunksOf(rejections, LIMITS.batchRows))
      await insertRows(store, encodeRejections(some));
    const retracted = await applyRetractions(store, logged);
    for (const account of retracted) accounts.add(account);
    const named = [
      ...subscriptions.records.map(({ value }) => value.subscriptionId),
      ...retractedSubscriptions(retractions),
    ];
    for (const account of await settleMoves(store, named)) accounts.add(account);
    const answered = outcomes.records.filter(({ value }) => value.decisionId !== '');
    const answering = new Set([...answered.map(({ value }) => value.accountId), ...retracted]);
    for (const account of await fileMisaddressed(store, [...answering])) accounts.add(account);
    return { fates, ...countsOf(deliveries, fates), accounts };
  });
}

/** A record as it arrived. Reads origin and times from its delivery instead of copying them: tens of thousands are held until the insert. */
class ArrivedRecord<T> implements Arrived<T> {
  readonly value: T;
  readonly #delivery: Delivery;

  constructor(value: T, delivery: Delivery) {
    this.value = value;
    this.#delivery = delivery;
  }

  get origin(): Origin {
    return this.#delivery.origin;
  }

  get receivedAt(): Millis {
    return this.#delivery.receivedAt;
  }

  get arrivedAt(): Millis | undefined {
    return this.#delivery.arrivedAt;
  }

  get load(): string | undefined {
    return this.#delivery.load;
  }
}

/** The records of one kind, with their places among the deliveries. */
class Part<T> {
  readonly records: Arrived<T>[] = [];
  readonly places: number[] = [];

  add(place: number, record: Arrived<T>): void {
    this.records.push(record);
    this.places.push(place);
  }
}

const COUNTED_AS = {
  signal: 'signals',
  subscription: 'subscriptions',
  tombstone: 'subscriptions',
  outcome: 'outcomes',
} as const;

function countsOf(
  deliveries: readonly Delivery[],
  fates: readonly DeliveryFate[],
): Omit<Written, 'fates' | 'accounts'> {
  const none = (): Record<Fate, number> => ({ new: 0, same: 0, corrected: 0, retracted: 0 });
  const counts = { signals: none(), subscriptions: none(), outcomes: none() };
  const others = { rejected: 0, retraction: 0, erased: 0 };
  for (const [place, { record }] of deliveries.entries()) {
    const fate = fates[place]!;
    if (fate === 'erased' || record.kind === 'rejection' || record.kind === 'retraction')
      others[fate as keyof typeof others]++;
    else counts[COUNTED_AS[record.kind]][fate as Fate]++;
  }
  return { ...counts, rejections: others.rejected, retractions: others.retraction, erased: others.erased };
}

/** Who was erased stays so, whatever is delivered again. */
function isErased(record: Delivery['record'], erased: ErasedNames): boolean {
  if (record.kind === 'rejection') return erased.appearIn(record.rejection);
  const account = record.kind === 'retraction' ? retractedAccount(record.retraction) : accountOf(record);
  return account !== undefined && erased.hasAccount(account);
}

/** One of a signal names no account, and takes back what is not there any more. */
function retractedAccount({ record }: RecordRetraction): string | undefined {
  return record.kind === 'subscription' ? record.accountId : undefined;
}

/** All tombstones have the same contents, whatever the state is that they end: one that is delivered again is a repeat. */
const TOMBSTONE = contentHash(['tombstone']);

/** What a subscription ends with is read when the others of the batch are stored. */
async function writeTombstones(
  store: Store,
  tombstones: readonly Arrived<Tombstone>[],
): Promise<WrittenRecords> {
  const states = await endedStates(
    store,
    tombstones.map(({ value }) => value),
  );
  return writeRecords(
    store,
    SUBSCRIPTIONS,
    tombstones.map(({ origin, receivedAt, arrivedAt }, i) => {
      return { value: states[i]!, origin, receivedAt, arrivedAt, content: TOMBSTONE };
    }),
  );
}

function retractedSubscriptions(retractions: readonly Arrived<RecordRetraction>[]): string[] {
  return retractions.flatMap(({ value: { record } }) =>
    record.kind === 'subscription' ? [record.subscriptionId] : [],
  );
}
