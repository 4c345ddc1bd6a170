import { type Clock, DAY_MS, type Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { Decision } from '../decisions/decision.js';
import { type Written, writeBatch } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { featureNames } from '../scoring/evaluate.js';
import { readLatestDecisionTime } from '../store/decision-log.js';
import { recordRevision } from '../store/revisions.js';
import type { ScoredBatch } from '../store/risk-log.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Definitions } from './definitions.js';
import type { LatestRisksOptions } from './latest-risks.js';
import { pagesOfAccounts, pagesOfNamed } from './pages.js';
import { type PassSummary, runPass } from './pass.js';
import { Questions } from './questions.js';
import { TouchedAccounts } from './touched-accounts.js';

export interface EngineOptions {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly clock: Clock;
  readonly log: Logger;
  /** Time between two rescores of everyone: time passes without signals. Null: never by itself. @default one day */
  readonly fullRescoreEveryMs?: number | null;
  /** What is held in memory for questions about the latest risk. */
  readonly latestRisks?: LatestRisksOptions;
}

type Scopes = Parameters<typeof runPass>[1];

interface PassOptions {
  readonly asOf?: Millis | undefined;
  readonly knownAt?: Millis | undefined;
  readonly mayGoOn?: (() => void) | undefined;
}

/** Told what is new once it is stored. */
export interface EngineListener {
  scored?(batch: ScoredBatch, asOf: Millis): void;
  decided?(changes: readonly Decision[]): void;
}

/**
 * Joins the parts: what comes in is written, the accounts it touched are scored anew, decided upon and stored; everyone is,
 * from time to time. One pass runs at a time, so that an account has one writer.
 */
export class Engine {
  readonly store: Store;
  readonly questions: Questions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #touched: TouchedAccounts;
  readonly #listeners = new Set<EngineListener>();
  readonly #everyMs: number | null;
  #definitions: Definitions;
  #passes: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #rescoreFault: string | undefined;

  constructor({ store, definitions, clock, log, fullRescoreEveryMs = DAY_MS, latestRisks }: EngineOptions) {
    this.store = store;
    this.#definitions = definitions;
    this.#clock = clock;
    this.#log = log;
    this.#everyMs = fullRescoreEveryMs;
    this.questions = new Questions(store, () => this.#definitions, clock, latestRisks);
    this.listen({ scored: (batch, asOf) => this.questions.stored(batch, asOf) });
    this.#touched = new TouchedAccounts((accounts) => this.rescore(accounts), log);
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  /** Puts other files in force, whole and at once: a pass under way ends under those it began with. */
  async use(definitions: Definitions): Promise<void> {
    await this.#record(definitions);
    this.#definitions = definitions;
  }

  listen(listener: EngineListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Scores everyone, then keeps scores current: touched accounts at once, everyone from time to time. */
  async start(): Promise<PassSummary> {
    const everyMs = this.#everyMs;
    if (everyMs !== null) this.#repeat(everyMs);
    return this.#scoreEveryone();
  }

  /** What keeps risks from being current, though it is tried again; undefined while all goes well. */
  notReady(): string | undefined {
    return this.#touched.failure ?? this.#rescoreFault;
  }

  #repeat(everyMs: Millis): void {
    this.#timer = setInterval(() => {
      this.#scoreEveryone().catch((thrown) =>
        this.#log.error({ error: PerennialError.from(thrown) }, 'full rescore failed'),
      );
    }, everyMs);
    this.#timer.unref();
  }

  async #scoreEveryone(): Promise<PassSummary> {
    try {
      const summary = await this.scoreAll();
      this.#rescoreFault = undefined;
      return summary;
    } catch (thrown) {
      this.#rescoreFault = `The last rescore of everyone failed: ${PerennialError.from(thrown).message}`;
      throw thrown;
    }
  }

  /** Writes a batch and resolves once it is durable; its accounts are scored soon after. */
  async ingest(batch: readonly Delivery[]): Promise<Written> {
    const written = await writeBatch(this.store, batch);
    this.#touched.add(written.accounts);
    return written;
  }

  /** Scores these accounts as of now. */
  rescore(accounts: readonly string[]): Promise<PassSummary> {
    return this.#pass(() => pagesOfNamed(accounts));
  }

  /**
   * Scores every subscription as of a time. `knownAt`: as a backtest, only what had arrived by then counts.
   * @param asOf @default the time at which its turn comes
   */
  scoreAll(asOf?: Millis, knownAt?: Millis): Promise<PassSummary> {
    return this.#pass((at) => pagesOfAccounts(this.store, at), { asOf, knownAt });
  }

  /**
   * Scores the accounts of these scopes as of when its turn comes: a share of everyone. `mayGoOn` throws once the accounts
   * are somebody else's.
   */
  scoreScopes(scopes: (asOf: Millis) => Scopes, mayGoOn: () => void): Promise<PassSummary> {
    return this.#pass(scopes, { mayGoOn });
  }

  /** Resolves once every account touched so far has been scored. Rejects with what scoring them failed with. */
  async settled(): Promise<void> {
    await this.#touched.settled();
    await this.#passes;
  }

  /** Takes no more work, finishes what is under way, and scores what was touched. The store stays open. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#touched.stop();
    await this.#passes;
  }

  #pass(
    scopes: (asOf: Millis) => Scopes,
    { asOf: at, knownAt, mayGoOn }: PassOptions = {},
  ): Promise<PassSummary> {
    const definitions = this.#definitions;
    const run = async (): Promise<PassSummary> => {
      await this.#record(definitions);
      const asOf = at ?? (await this.#now());
      return runPass(
        {
          store: this.store,
          definitions,
          clock: this.#clock,
          onScored: (batch) => this.#tell((listener) => listener.scored?.(batch, asOf)),
          onDecided: (changes) => this.#tell((listener) => listener.decided?.(changes)),
          mayGoOn,
        },
        scopes(asOf),
        asOf,
        knownAt,
      );
    };
    const pass = this.#passes.then(run, run);
    this.#passes = pass.catch(() => {});
    return pass;
  }

  /**
   * Now, but later than anything decided so far: only what was decided as of an earlier time is history, and passes may
   * follow each other within a millisecond, or on machines whose clocks differ.
   */
  async #now(): Promise<Millis> {
    const now = this.#clock();
    const latest = await readLatestDecisionTime(this.store, now + LIMITS.clockSkewMs);
    return latest !== null && latest >= now ? latest + 1 : now;
  }

  #tell(tell: (listener: EngineListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }

  readonly #recorded = new Set<string>();

  /** Keeps the files in the store before anything is stored under their revisions. */
  async #record({ scoring, plan }: Definitions): Promise<void> {
    const key = `${scoring.revision} ${plan.set.revision}`;
    if (this.#recorded.has(key)) return;
    const recordedAt = this.#clock();
    await recordRevision(this.store, {
      kind: 'scoring',
      revision: scoring.revision,
      recordedAt,
      features: featureNames(scoring.catalogue),
      files: Object.fromEntries(scoring.files),
    });
    await recordRevision(this.store, {
      kind: 'rules',
      revision: plan.set.revision,
      recordedAt,
      features: [],
      files: Object.fromEntries(plan.set.files),
    });
    this.#recorded.add(key);
  }
}
