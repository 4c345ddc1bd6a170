import type { Clock, Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { LimitRequest } from '../../decisions/limit-request.js';
import type { FeedOptions } from '../../kafka/feed/feed-options.js';
import { KafkaFeed } from '../../kafka/feed/kafka-feed.js';
import type { PartitionLease } from '../../kafka/feed/lease.js';
import { readTouched, type Touched } from '../../kafka/touched.js';
import { recordDecided } from '../../store/decided-accounts.js';
import { claimFence } from '../../store/scorer-fence.js';
import { OutageLog } from '../../telemetry/outage-log.js';
import type { Engine } from '../engine.js';
import { GrantedLimits } from '../granted-limits.js';
import type { LivePassOptions } from '../live-passes.js';
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
  /** Sends what a pass asks of the keeper of shared limits (`limits-keeper.ts`). */
  readonly askLimits: (requests: readonly LimitRequest[]) => Promise<void>;
  /** Between two rescores of everyone; 0: never. */
  readonly rescoreMs: Millis;
}

/** How often due dates of decisions are looked at. */
const DUE_MS: Millis = 10_000;

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
  /** The assignment that has been taken over, and the fencing token of its generation. */
  #takenOver: { readonly assignment: number; readonly epoch: number } | undefined;
  /** How the last rescore of everyone failed; undefined while it goes well. */
  #rescoreFault: string | undefined;
  readonly #settleOutage: OutageLog;
  readonly #rescoreOutage: OutageLog;

  constructor(options: ScoreWorkerOptions) {
    this.#options = options;
    this.#clock = options.feed.clock;
    const outage = (begin: string, end: string) => new OutageLog(options.feed.logger, { begin, end });
    this.#settleOutage = outage(
      'Due decisions could not be settled; trying again every ten seconds',
      'Due decisions are settled again',
    );
    this.#rescoreOutage = outage(
      'The rescore of everyone failed; the next turn tries again',
      'Everyone is rescored again',
    );
    this.#feed = new KafkaFeed<Touched | undefined>({
      ...options.feed,
      topics: [options.touchedTopic],
      inFlight: 1,
      exclusive: true,
      read: ({ key, body, receivedAt }) => ({
        item: readTouched(key, body, receivedAt),
        rejected: false,
      }),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { rescoreMs } = this.#options;
    const timer = rescoreMs === 0 ? undefined : setInterval(() => void this.#rescoreQuietly(), rescoreMs);
    const due = setInterval(() => void this.#settleQuietly(), DUE_MS);
    try {
      await this.#feed.run((items, lease) => this.#alone(() => this.#rescoreTouched(items, lease)), signal);
      await this.#last.catch(() => undefined);
    } finally {
      clearInterval(timer);
      clearInterval(due);
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
    const { done } = await this.#recovering(lease, (options) =>
      engine.rescoreScopes((asOf) => pagesOfOwned(engine.store, asOf, owned), options),
    );
    return done;
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
    const { engine } = this.#options;
    const { done, waiting } = await this.#recovering(lease, (options) =>
      engine.rescoreAccounts(accounts, options),
    );
    const failed = new Set(done.failures.flatMap((failure) => failure.accounts));
    const asked = new Set(touched.filter((touch) => touch.asked === true).map(({ accountId }) => accountId));
    await recordDecided(
      engine.store,
      [...asked].filter((account) => !failed.has(account) && !waiting.has(account)),
      done.asOf,
    );
    const now = this.#clock();
    const { freshness } = this.#options.feed.metrics;
    for (const { since } of touched) freshness.observe(Math.max(0, now - since) / 1000);
  }

  /**
   * Once for each assignment: fences off the owner before, publishes what it stored and did not publish, and learns
   * what is due when.
   */
  async #takeOver(lease: PartitionLease): Promise<void> {
    if (this.#takenOver?.assignment === lease.epoch) return;
    const { engine, publisher } = this.#options;
    const accounts = ownedSql(this.#owned(lease));
    const epoch = await claimFence(engine.store, lease.generation, lease.assertStillOwner);
    await publisher.publishPending(accounts, lease);
    await engine.timers.load(engine.store, accounts);
    engine.overrideEnds.forget();
    this.#takenOver = { assignment: lease.epoch, epoch };
  }

  #owned(lease: PartitionLease): Ownership {
    return {
      of: this.#options.partitions,
      partitions: lease.partitions.map(({ partition }) => partition),
    };
  }

  /**
   * Runs a pass for the owner of the partitions: fenced, under what the keeper of shared limits has granted, and published once it
   * is stored. What it may not open yet is asked for. When it fails, what it stored and could not publish any more is
   * published before the next. `waiting`: the accounts for which something was asked.
   */
  async #recovering<T>(
    lease: PartitionLease,
    pass: (options: LivePassOptions) => Promise<T>,
  ): Promise<{ readonly done: T; readonly waiting: ReadonlySet<string> }> {
    const { engine, publisher, askLimits } = this.#options;
    const { scoring, plan } = engine.definitions;
    const limits = await GrantedLimits.read(engine.store, plan.set.brake, this.#clock);
    const { assertStillOwner } = lease;
    const { epoch } = this.#takenOver!;
    try {
      const done = await pass({
        assertStillOwner,
        epoch,
        publish: publisher.sink(scoring, lease),
        limits,
      });
      assertStillOwner();
      await askLimits(limits.requests);
      return { done, waiting: new Set(limits.requests.map(({ accountId }) => accountId)) };
    } catch (thrown) {
      this.#takenOver = undefined;
      throw thrown;
    }
  }

  /** Lets happen what time has made due: to decisions of our accounts, and to risks whose override has ended. */
  async #settleDue(lease: PartitionLease): Promise<void> {
    if (lease.partitions.length === 0) return;
    await this.#takeOver(lease);
    const { engine } = this.#options;
    if (engine.timers.due(this.#clock()).length > 0)
      await this.#recovering(lease, (options) => engine.settleDue(options));
    const ended = await engine.overrideEnds.due(engine.store, this.#clock(), ownedSql(this.#owned(lease)));
    if (ended.length > 0) await this.#recovering(lease, (options) => engine.rescoreAccounts(ended, options));
  }

  async #settleQuietly(): Promise<void> {
    try {
      await this.#alone(() => this.#feed.exclusively((lease) => this.#settleDue(lease)));
      this.#settleOutage.recovered();
    } catch (thrown) {
      this.#settleOutage.failed(thrown);
    }
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
      this.#rescoreOutage.recovered();
      if (summary !== undefined) logger.info({ ...summary }, 'Rescored everyone');
    } catch (thrown) {
      const error = PerennialError.from(thrown);
      if (error.code === 'cancelled') return;
      this.#rescoreFault = `The last rescore of everyone failed: ${error.message}`;
      this.#rescoreOutage.failed(error);
    }
  }
}
