import { Mutex } from 'async-mutex';
import type { Clock, Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { Settled } from '../decisions/settle.js';
import type { SharedLimits } from '../decisions/shared-limits.js';
import { pagesOfNamed } from '../features/named-accounts.js';
import type { Scope } from '../features/population.js';
import { explained } from '../store/decision-log.js';
import { digestDecisions, tidyOpenDecisions } from '../store/decision-summaries.js';
import { countRunning, readLatestAsOf } from '../store/risk-state.js';
import { recordScoringFailures } from '../store/scoring-failures.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { AccountOutcome } from './account-outcome.js';
import type { Definitions } from './definitions.js';
import { explainingSink } from './explaining-sink.js';
import { LiveLimits } from './live-limits.js';
import { type LiveListener, LiveSink } from './live-sink.js';
import { type PassPorts, type PassSummary, runPass } from './pass.js';
import { featuresAt, halving } from './pass-ports.js';
import { RecordedDefinitions } from './recorded-definitions.js';
import { settleAccounts } from './settle-accounts.js';
import { type Sink, sinksInOrder } from './sink.js';
import { StayingConditions } from './staying-conditions.js';
import { StoredPast } from './stored-past.js';

/** How one live pass is run where scorers share the work. */
export interface LivePassOptions {
  /** Throws `cancelled` once the accounts have another owner. */
  readonly assertStillOwner?: () => void;
  /** Fencing token of the owner (`store/scorer-fence.ts`). @default none: there is one writer */
  readonly epoch?: number;
  /** Gets what the pass stored, to publish it. */
  readonly publish?: Sink;
  /** In place of this process's own: where another scorer keeps what all accounts share. */
  readonly limits?: SharedLimits;
}

/** How a live pass is run within this process. */
interface OwnPassOptions extends LivePassOptions {
  /** Notes what the pass reads and decides, for a caller that waits. */
  readonly outcome?: AccountOutcome;
}

export interface LivePassesOptions {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where passes count what they opened and the accounts they could not score. */
  readonly metrics?: Pick<Metrics, 'accountsFailed' | 'decisionsOpened' | 'decisionsBraked'> | undefined;
}

/** What a pass reads, page by page, as of its time. */
export type ScopesAt = (asOf: Millis) => AsyncIterable<Scope> | Iterable<Scope>;

/**
 * The passes that write the present, one after another, so that an account and the shared limits have one writer. What starts
 * them is the engine's.
 */
export class LivePasses {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: LivePassesOptions['metrics'];
  readonly #listeners = new Set<LiveListener>();
  readonly #present = new Mutex();
  readonly #limits: LiveLimits;
  readonly #staying: StayingConditions;
  readonly #recorded: RecordedDefinitions;
  #definitions: Definitions;
  #latestAsOf: Millis | undefined;
  #running: number | undefined;

  constructor({ store, definitions, clock, log, metrics }: LivePassesOptions) {
    this.#store = store;
    this.#definitions = definitions;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#limits = new LiveLimits(store, clock);
    this.#recorded = new RecordedDefinitions(store, clock, log);
    this.#staying = new StayingConditions(store, definitions.plan.set);
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  /** Swaps the active definitions atomically: a running pass ends under those it began with. */
  async activate(definitions: Definitions): Promise<void> {
    await this.#recorded.record(definitions);
    this.#definitions = definitions;
    this.#staying.use(definitions.plan.set);
  }

  /** Invokes callbacks after results of passes are durable. Returns how to unsubscribe. */
  subscribe(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Scores and decides as of now. */
  score(scopes: ScopesAt, options: OwnPassOptions = {}): Promise<PassSummary> {
    return this.#alone(async () => {
      const definitions = this.#definitions;
      await this.#recorded.record(definitions);
      const asOf = await this.#now();
      const { outcome } = options;
      const store = outcome === undefined ? this.#store : storeDuring(this.#store, undefined, 'account');
      const past = new StoredPast(store, null, outcome !== undefined);
      const summary = await runPass(
        {
          features: featuresAt(store, definitions.scoring, asOf),
          past: outcome?.noting(past) ?? past,
          sink: this.#sink(options),
          limits: options.limits ?? (await this.#limits.ledger(definitions.plan.set)),
          staying: this.#staying,
          halve: halving(this.#store, asOf),
          assertStillOwner: options.assertStillOwner,
          running: await this.#runningSubscriptions(),
        } satisfies PassPorts,
        definitions,
        scopes(asOf),
        asOf,
      );
      this.#running = Math.max(this.#running ?? 0, summary.subscriptions);
      await this.#report(summary);
      return summary;
    });
  }

  /** Scores and decides everyone, or a share; then what later passes read of their decisions is brought up to date. */
  async scoreAll(scopes: ScopesAt, options: LivePassOptions = {}): Promise<PassSummary> {
    const summary = await this.score(scopes, options);
    await this.#alone(async () => {
      for await (const scope of scopes(summary.asOf)) {
        options.assertStillOwner?.();
        await digestDecisions(this.#store, scope);
      }
      await tidyOpenDecisions(this.#store);
    });
    return summary;
  }

  /** Applies what waits in the inbox and what is due to the decisions of accounts, without scoring them. */
  settle(accounts: readonly string[], options: LivePassOptions = {}): Promise<Settled> {
    return this.#alone(async () => {
      const limits = options.limits ?? (await this.#limits.ledger(this.#definitions.plan.set));
      const settled = await settleAccounts(
        {
          past: new StoredPast(this.#store),
          sink: this.#sink(options),
          limits,
          assertStillOwner: options.assertStillOwner,
        },
        pagesOfNamed(accounts),
        this.#clock(),
      );
      return { ...settled, events: await explained(this.#store, settled.events) };
    });
  }

  /** Resolves once no pass runs or waits for its turn. */
  async idle(): Promise<void> {
    await this.#alone(async () => {});
  }

  #sink({ epoch = 0, publish }: LivePassOptions): Sink {
    const live = new LiveSink({
      store: this.#store,
      scoring: this.#definitions.scoring,
      clock: this.#clock,
      listeners: this.#listeners,
      epoch,
    });
    return explainingSink(this.#store, publish === undefined ? live : sinksInOrder(live, publish));
  }

  async #report({ failures, opened, braked, asOf }: PassSummary): Promise<void> {
    this.#metrics?.decisionsOpened.inc(opened);
    this.#metrics?.decisionsBraked.inc(braked);
    for (const { accounts } of failures) this.#metrics?.accountsFailed.inc(accounts.length);
    for (const { accounts, error } of failures)
      this.#log.error({ accounts, error }, 'an account can not be scored; all others are');
    if (braked > 0)
      this.#log.warn(
        { decisions: braked, asOf },
        'the brake holds decisions for approval: perennial decisions approve --waits-for brake',
      );
    await recordScoringFailures(
      this.#store,
      failures.flatMap(({ accounts, error }) =>
        accounts.map((accountId) => ({ accountId, failedAt: asOf, reason: error.message })),
      ),
    );
  }

  /** One after another; what fails forgets the shared limits, of which it may have reserved some. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#present.runExclusive(async () => {
      try {
        return await work();
      } catch (thrown) {
        this.#limits.forget();
        throw thrown;
      }
    });
  }

  /** Now, but never before what has been stored as the present: clocks are set back, and those of machines differ. */
  async #now(): Promise<Millis> {
    const now = this.#clock();
    this.#latestAsOf ??= await readLatestAsOf(this.#store, now + LIMITS.clockSkewMs);
    this.#latestAsOf = Math.max(now, this.#latestAsOf + 1);
    return this.#latestAsOf;
  }

  async #runningSubscriptions(): Promise<number> {
    this.#running ??= await countRunning(this.#store);
    return this.#running;
  }
}
