import type { Clock, Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { FeedOptions } from '../../kafka/feed/feed-options.js';
import { KafkaFeed } from '../../kafka/feed/kafka-feed.js';
import type { PartitionLease } from '../../kafka/feed/lease.js';
import { readTouched, type Touched } from '../../kafka/touched.js';
import type { Engine, LivePassOptions } from '../engine.js';
import type { PassSummary } from '../pass.js';
import { type Ownership, ownedSql, pagesOfOwned } from './owned-accounts.js';
import type { Publisher } from './publisher.js';

export interface ScoreWorkerOptions {
  readonly feed: Omit<FeedOptions<unknown>, 'read' | 'exclusive' | 'inFlight' | 'topics'>;
  readonly touchedTopic: string;
  /** Partitions of that topic. */
  readonly partitions: number;
  /** Does the passes, one at a time. It must not be started: when everyone is rescored is decided here. */
  readonly engine: Engine;
  readonly publisher: Publisher;
  /** Between two rescores of everyone; 0: never. */
  readonly rescoreMs: Millis;
}

/**
 * The scorer: rescoring, deciding and publishing for the accounts of its partitions of `perennial.touched`.
 *
 * - Touched accounts come in batches; each batch is one pass, in which an account counts once however often it was touched:
 *   a backlog takes no longer than it has accounts. Its messages are committed once risks and decisions are
 *   stored and published, so a scorer that dies leaves the batch to the next one. A rescore does not repeat decisions.
 * - Time passes without signals, so everyone is rescored now and then: each scorer its own partitions' accounts.
 * - One pass at a time. The feed is exclusive: a partition's next owner begins only when this one is done.
 */
export class ScoreWorker {
  readonly #options: ScoreWorkerOptions;
  readonly #feed: KafkaFeed<Touched | undefined>;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();
  /** The assignment that has been taken over. */
  #takenOver: number | undefined;
  /** When the rescore of everyone last failed, and how; undefined while it goes well. */
  #rescoreFault: string | undefined;

  constructor(options: ScoreWorkerOptions) {
    this.#options = options;
    this.#clock = options.feed.clock;
    this.#feed = new KafkaFeed<Touched | undefined>({
      ...options.feed,
      topics: [options.touchedTopic],
      inFlight: 1,
      exclusive: true,
      read: ({ original, body, receivedAt }) => ({
        item: readTouched(original.key, body, receivedAt),
        rejected: false,
      }),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { rescoreMs } = this.#options;
    const timer = rescoreMs === 0 ? undefined : setInterval(() => void this.#rescoreQuietly(), rescoreMs);
    try {
      await this.#feed.run((items, lease) => this.#alone(() => this.#rescoreTouched(items, lease)), signal);
      await this.#last.catch(() => undefined);
    } finally {
      clearInterval(timer);
    }
  }

  /** Rescores every account of the partitions that are ours now. */
  async rescoreOwned(): Promise<PassSummary | undefined> {
    return this.#alone(() => this.#feed.exclusively((lease) => this.#rescoreUnder(lease)));
  }

  async #rescoreUnder(lease: PartitionLease): Promise<PassSummary | undefined> {
    if (lease.partitions.length === 0) return undefined;
    const { engine } = this.#options;
    const owned = this.#owned(lease);
    await this.#takeOver(lease);
    return this.#recovering(() =>
      engine.rescoreScopes((asOf) => pagesOfOwned(engine.store, asOf, owned), this.#under(lease)),
    );
  }

  notReady(lagLimitMs: Millis): string | undefined {
    return this.#feed.notReady(lagLimitMs) ?? this.#rescoreFault;
  }

  notLive(): string | undefined {
    return this.#feed.notLive();
  }

  async #rescoreTouched(items: readonly (Touched | undefined)[], lease: PartitionLease): Promise<void> {
    // It may have waited for another pass to end.
    lease.assertStillOwner();
    const touched = items.filter((item) => item !== undefined);
    const accounts = [...new Set(touched.map(({ accountId }) => accountId))].sort();
    if (accounts.length === 0) return;
    await this.#takeOver(lease);
    await this.#recovering(() => this.#options.engine.rescoreAccounts(accounts, this.#under(lease)));
    const now = this.#clock();
    const { freshness } = this.#options.feed.metrics;
    for (const { since } of touched) freshness.observe(Math.max(0, now - since) / 1000);
  }

  /** Once for each assignment: publishes what the owner before stored and did not publish, and learns what is due when. */
  async #takeOver(lease: PartitionLease): Promise<void> {
    if (this.#takenOver === lease.epoch) return;
    const { engine, publisher } = this.#options;
    const accounts = ownedSql(this.#owned(lease));
    await publisher.publishPending(accounts, lease);
    await engine.timers.load(engine.store, accounts);
    this.#takenOver = lease.epoch;
  }

  #owned(lease: PartitionLease): Ownership {
    return {
      of: this.#options.partitions,
      partitions: lease.partitions.map(({ partition }) => partition),
    };
  }

  /** Runs a pass; when it fails, what it stored and could not publish any more is published before the next. */
  async #recovering<T>(pass: () => Promise<T>): Promise<T> {
    try {
      return await pass();
    } catch (thrown) {
      this.#takenOver = undefined;
      throw thrown;
    }
  }

  /** How a pass runs for the owner of the partitions: fenced, and published once it is stored. */
  #under(lease: PartitionLease): LivePassOptions {
    const { engine, publisher } = this.#options;
    const { assertStillOwner, generation } = lease;
    return {
      assertStillOwner,
      epoch: generation,
      publish: publisher.sink(engine.definitions.scoring, lease),
    };
  }

  /** A pass and what it publishes, one after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work, work);
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #rescoreQuietly(): Promise<void> {
    const { logger } = this.#options.feed;
    try {
      const summary = await this.rescoreOwned();
      this.#rescoreFault = undefined;
      if (summary !== undefined) logger.info({ ...summary }, 'Rescored everyone');
    } catch (thrown) {
      const error = PerennialError.from(thrown);
      if (error.code === 'cancelled') return;
      this.#rescoreFault = `The last rescore of everyone failed: ${error.message}`;
      logger.error({ error }, 'The rescore of everyone failed');
    }
  }
}
