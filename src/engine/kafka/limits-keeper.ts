import { z } from 'zod';
import { type Clock, DAY_MS, type Millis } from '../../core/clock.js';
import { LIMITS } from '../../core/limits.js';
import type { LimitRequest } from '../../decisions/limit-request.js';
import { Ledger } from '../../decisions/shared-limits.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { FeedOptions } from '../../kafka/feed/feed-options.js';
import { KafkaFeed } from '../../kafka/feed/kafka-feed.js';
import type { PartitionLease } from '../../kafka/feed/lease.js';
import { publishTouched } from '../../kafka/touched.js';
import { readLedger, readLedgerSince } from '../../store/decision-log.js';
import { insertRows } from '../../store/encoded-rows.js';
import { claimKeeping, encodeGrants, readGrants, readKeeper } from '../../store/limit-grants.js';
import { countRunning } from '../../store/risk-state.js';
import type { Store } from '../../store/store.js';
import { GRANT_MS } from '../granted-limits.js';
import { KeptLimits, mostUrgentFirst } from '../kept-limits.js';
import { StoredSince } from './stored-since.js';

export interface LimitsKeeperOptions {
  readonly feed: Omit<FeedOptions<unknown>, 'read' | 'exclusive' | 'inFlight' | 'topics'>;
  /** Requests of all scorers: one partition, and so one keeper. */
  readonly limitsTopic: string;
  readonly touchedTopic: string;
  readonly producer: Pick<ConfirmedProducer, 'send'>;
  readonly store: Store;
}

/** Events may become readable a little later than their time of storing says. */
const MARGIN_MS = 10_000;

/**
 * Keeps what all accounts share, for all scorers: budgets, the load of owners, and the brake. It is whichever scorer has the one
 * partition of the topic of requests.
 *
 *   scorers --requests--> gather for a moment --> ledger up to date? --> most urgent first --> grants --> touched accounts
 *
 * A grant reserves what it allows, until its decision shows in the store or its time is over. A keeper that takes over marks the
 * grants of the one before as void, and counts them as reserved for as long as one of them could still be in use.
 */
export class LimitsKeeper {
  readonly #options: LimitsKeeperOptions;
  readonly #feed: KafkaFeed<LimitRequest | undefined>;
  readonly #clock: Clock;
  #state: KeeperState | undefined;

  constructor(options: LimitsKeeperOptions) {
    this.#options = options;
    this.#clock = options.feed.clock;
    this.#feed = new KafkaFeed<LimitRequest | undefined>({
      ...options.feed,
      topics: [options.limitsTopic],
      inFlight: 1,
      exclusive: true,
      read: ({ body }) => ({ item: readRequest(body), rejected: false }),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#feed.run((items, lease) => this.#answer(items, lease), signal);
  }

  notReady(lagLimitMs: Millis): string | undefined {
    return this.#feed.notReady(lagLimitMs);
  }

  notLive(): string | undefined {
    return this.#feed.notLive();
  }

  async #answer(items: readonly (LimitRequest | undefined)[], lease: PartitionLease): Promise<void> {
    const requests = new Map(
      items.filter((item) => item !== undefined).map((item) => [item.requestId, item]),
    );
    if (requests.size === 0) return;
    const { producer, touchedTopic } = this.#options;
    const inOrder = [...requests.values()].sort(mostUrgentFirst);
    // Who was frozen may have claimed to be the keeper after this one: its claim is overruled, and what it voided is granted anew.
    while (!(await this.#grant(inOrder, lease))) this.#state = undefined;
    lease.assertStillOwner();
    const since = this.#clock();
    await publishTouched(
      producer,
      touchedTopic,
      [...new Set(inOrder.map(({ accountId }) => accountId))].map((accountId) => ({
        accountId,
        since,
        // A caller that waits for it does not wait to be asked again.
        asked: true,
      })),
    );
  }

  /** Answers requests; false when the answers don't count, since another has claimed to be the keeper. */
  async #grant(requests: readonly LimitRequest[], lease: PartitionLease): Promise<boolean> {
    const { store } = this.#options;
    const state = await this.#current(lease);
    const now = this.#clock();
    const running = await countRunning(store);
    const grants = requests.map((request) => state.limits.answer(request, running, now));
    lease.assertStillOwner();
    await insertRows(store, encodeGrants(grants));
    const keeper = await readKeeper(store);
    return keeper === undefined || keeper.epoch <= state.limits.keeper.epoch;
  }

  /** The ledger as the store has it now: read once for each time of keeping, and from then on what was stored since. */
  async #current(lease: PartitionLease): Promise<KeeperState> {
    const { store } = this.#options;
    const now = this.#clock();
    if (this.#state?.assignment !== lease.epoch) {
      const { generation } = lease;
      const epoch = await claimKeeping(store, generation, now, lease.assertStillOwner);
      const outstanding = await readGrants(store, now - GRANT_MS, false);
      const ledger = new Ledger(await readLedger(store, now - LIMITS.guardrailDays * DAY_MS, null));
      const readUntil = now - MARGIN_MS;
      const since = new StoredSince(readUntil);
      const recent = await readLedgerSince(store, readUntil - MARGIN_MS);
      const limits = new KeptLimits(ledger, { epoch, generation }, recent, outstanding);
      this.#state = { assignment: lease.epoch, limits, since };
    }
    const state = this.#state;
    const recent = await readLedgerSince(store, state.since.next(now) - MARGIN_MS);
    state.limits.stored(recent);
    for (const { storedAt } of recent) state.since.saw(storedAt);
    state.limits.expire(now);
    return state;
  }
}

interface KeeperState {
  /** The assignment of the partition under which it was read. */
  readonly assignment: number;
  readonly limits: KeptLimits;
  /** What it has seen of the ledger, by the store's clock. */
  readonly since: StoredSince;
}

/** Sends requests to the keeper. */
export async function sendLimitRequests(
  producer: Pick<ConfirmedProducer, 'send'>,
  topic: string,
  requests: readonly LimitRequest[],
): Promise<void> {
  const refused = await producer.send(
    topic,
    requests.map((request) => ({ key: request.accountId, value: JSON.stringify(request) })),
  );
  if (refused.length > 0) throw refused[0]!.error;
}

const requestSchema = z.object({
  requestId: z.string().min(1),
  accountId: z.string().min(1),
  subscriptionId: z.string(),
  proposal: z.object({ decisionId: z.string().min(1), costMinor: z.number() }).loose(),
  guardrails: z.array(z.object({ kind: z.enum(['budget', 'max_open']) }).loose()),
  rates: z.record(z.string(), z.number()),
});

/** Reads a request; undefined for what is none: it was not sent by a scorer. */
function readRequest(body: Uint8Array): LimitRequest | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return requestSchema.safeParse(value).success ? (value as LimitRequest) : undefined;
  } catch {
    return undefined;
  }
}
