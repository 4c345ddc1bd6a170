import { Mutex } from 'async-mutex';
import { type Clock, DAY_MS, type Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { Answer } from '../decisions/answer.js';
import type { Settled } from '../decisions/settle.js';
import type { SharedLimits } from '../decisions/shared-limits.js';
import { pagesOfNamed } from '../features/named-accounts.js';
import type { Scope } from '../features/population.js';
import { type Written, writeBatch } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { encodeAnswers, readRefusals } from '../store/decision-inbox.js';
import { explained } from '../store/decision-log.js';
import { digestDecisions, tidyOpenDecisions } from '../store/decision-summaries.js';
import { insertRows } from '../store/encoded-rows.js';
import { countRunning, readLatestAsOf } from '../store/risk-state.js';
import { recordScoringFailures } from '../store/scoring-failures.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { AccountOutcome } from './account-outcome.js';
import { CollectedAnswers } from './collected-answers.js';
import { DecisionTimers } from './decision-timers.js';
import type { Definitions } from './definitions.js';
import { explainingSink } from './explaining-sink.js';
import type { LatestRisksOptions } from './latest-risks.js';
import { LiveLimits } from './live-limits.js';
import { type LiveListener, LiveSink } from './live-sink.js';
import { OverrideEnds } from './override-ends.js';
import { pagesOfAccounts } from './pages.js';
import { type PassPorts, type PassSummary, runPass } from './pass.js';
import { featuresAt, halving } from './pass-ports.js';
import { Questions } from './questions.js';
import { RecordedDefinitions } from './recorded-definitions.js';
import { RepeatedWork } from './repeated-work.js';
import { settleAccounts } from './settle-accounts.js';
import { type Sink, sinksInOrder } from './sink.js';
import { StayingConditions } from './staying-conditions.js';
import { StoredPast } from './stored-past.js';
import { TouchedAccounts } from './touched-accounts.js';

/*
 * The engine keeps the present current:
 *
 *   ingest --> store --> touched accounts --+
 *   clock: everyone, now and then ----------+--> one live pass at a time --> live sink --> listeners, publisher
 *   commands and answers --> inbox ---------+    (or, without scoring, settling)
 *   due dates of decisions -----------------+
 *
 * Passes run one after another, so that an account and the shared limits have one writer. Questions about another time are
 * what-ifs (`what-if.ts`): they never come here.
 */
export interface EngineOptions {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly clock: Clock;
  readonly log: Logger;
  /** Time between two rescores of everyone: time passes without signals. Null: never by itself. @default one day */
  readonly fullRescoreEveryMs?: number | null;
  /** What is held in memory for questions about the latest risk. */
  readonly latestRisks?: LatestRisksOptions;
  /** Where live passes count what they opened and the accounts they could not score. */
  readonly metrics?: Pick<Metrics, 'accountsFailed' | 'decisionsOpened' | 'decisionsBraked'>;
}

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

/** How often due dates are looked at. */
const TIMER_MS = 10_000;

type Scopes = AsyncIterable<Scope> | Iterable<Scope>;

export class Engine {
  readonly store: Store;
  readonly questions: Questions;
  readonly timers = new DecisionTimers();
  readonly overrideEnds = new OverrideEnds();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: EngineOptions['metrics'];
  readonly #touched: TouchedAccounts;
  readonly #listeners = new Set<LiveListener>();
  readonly #everyMs: number | null;
  readonly #present = new Mutex();
  readonly #limits: LiveLimits;
  readonly #staying: StayingConditions;
  readonly #repeated: RepeatedWork;
  readonly #recorded: RecordedDefinitions;
  #definitions: Definitions;
  #latestAsOf: Millis | undefined;
  #running: number | undefined;
  /** The full pass that waits for its turn. */
  #everyone: Promise<PassSummary> | undefined;
  #rescoreFault: string | undefined;

  constructor({
    store,
    definitions,
    clock,
    log,
    fullRescoreEveryMs = DAY_MS,
    latestRisks,
    metrics,
  }: EngineOptions) {
    this.store = store;
    this.#definitions = definitions;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#everyMs = fullRescoreEveryMs;
    this.#limits = new LiveLimits(store, clock);
    this.#repeated = new RepeatedWork(log);
    this.#recorded = new RecordedDefinitions(store, clock, log);
    this.#staying = new StayingConditions(store, definitions.plan.set);
    this.questions = new Questions(store, () => this.#definitions, clock, latestRisks);
    this.subscribe({
      onScored: (batch, asOf) => this.questions.stored(batch, asOf),
      onLeft: (subscriptions) => this.questions.left(subscriptions),
      onDecided: (events) => this.timers.record(events),
    });
    this.#touched = new TouchedAccounts((accounts) => this.rescoreAccounts(accounts), log);
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

  /** Invokes callbacks after results of live passes are durable. Returns how to unsubscribe. */
  subscribe(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Scores everyone, then keeps scores and decisions current: by touched accounts, due dates, and the clock. */
  async start(): Promise<PassSummary> {
    await this.timers.load(this.store);
    this.#repeated.every(TIMER_MS, () => this.lookAtDue(), {
      begin: 'Due decisions could not be settled; trying again',
      end: 'Due decisions are settled again',
    });
    if (this.#everyMs !== null)
      this.#repeated.every(this.#everyMs, () => this.#scoreEveryone(), {
        begin: 'The rescore of everyone failed; the next turn tries again',
        end: 'Everyone is rescored again',
      });
    return this.#scoreEveryone();
  }

  /** What keeps risks from being current, though it is tried again; undefined while all goes well. */
  notReady(): string | undefined {
    return this.#touched.failure ?? this.#rescoreFault;
  }

  /** Writes a batch and resolves once it is durable; its accounts are scored soon after. */
  async ingest(batch: readonly Delivery[]): Promise<Written> {
    const written = await writeBatch(this.store, batch);
    this.#touched.add(written.accounts);
    return written;
  }

  /** Scores these accounts soon: what is stored of them has changed. */
  touch(accounts: Iterable<string>): void {
    this.#touched.add(accounts);
  }

  /** Scores these accounts as of now. */
  rescoreAccounts(accounts: readonly string[], options?: LivePassOptions): Promise<PassSummary> {
    return this.#livePass(() => pagesOfNamed(accounts), options);
  }

  /** Scores and decides one account as of now, while a caller waits. Rejects when it can't be scored. */
  async decideAccount(accountId: string): Promise<AccountOutcome> {
    const outcome = new AccountOutcome();
    const { failures } = await this.#livePass(() => pagesOfNamed([accountId]), { outcome, publish: outcome });
    if (failures.length > 0) throw failures[0]!.error;
    for (const { scored, asOf } of outcome.risks) this.questions.hold(scored, asOf);
    return outcome;
  }

  /** Whether nothing of an account waits to be scored. */
  isCurrent(accountId: string): boolean {
    return this.#touched.isSettled(accountId);
  }

  /** Scores every subscription as of now. While one such pass waits for its turn, further calls share it. */
  rescoreAll(): Promise<PassSummary> {
    this.#everyone ??= this.#fullPass((asOf) => {
      this.#everyone = undefined;
      return pagesOfAccounts(this.store, asOf);
    }).finally(() => {
      this.#everyone = undefined;
    });
    return this.#everyone;
  }

  /** Scores the accounts of these scopes as of now: a share of everyone. */
  rescoreScopes(scopes: (asOf: Millis) => Scopes, options?: LivePassOptions): Promise<PassSummary> {
    return this.#fullPass(scopes, options);
  }

  /**
   * Stores answers of people and applies them at once. Resolves to the events that followed, and the answers that were
   * refused, with reasons. Where something is to be opened again the accounts are scored: guardrails need to know of their facts.
   */
  async answer(answers: readonly Answer[]): Promise<Pick<Settled, 'events' | 'refusals'>> {
    await insertRows(this.store, encodeAnswers(answers));
    const { events, refusals } = await this.#applied(answers);
    const known = new Set([
      ...events.map(({ causeId }) => causeId),
      ...refusals.map(({ answer }) => answer.answerId),
    ]);
    // A pass that ran meanwhile may have taken them from the inbox: it has refused some, or left nothing to be changed.
    const elsewhere = answers.filter(({ answerId }) => !known.has(answerId));
    return { events, refusals: [...refusals, ...(await readRefusals(this.store, elsewhere))] };
  }

  async #applied(answers: readonly Answer[]): Promise<Pick<Settled, 'events' | 'refusals'>> {
    const accounts = [...new Set(answers.map(({ accountId }) => accountId))];
    if (!answers.some(({ kind }) => kind === 'reopen')) return this.settle(accounts);
    const collected = new CollectedAnswers(answers);
    const { failures } = await this.rescoreAccounts(accounts, { publish: collected });
    // They stay in the inbox until the account can be scored.
    if (failures.length > 0) throw failures[0]!.error;
    return collected;
  }

  /** Applies what waits in the inbox and what is due to the decisions of accounts, without scoring them. */
  settle(accounts: readonly string[], options: LivePassOptions = {}): Promise<Settled> {
    return this.#alone(async () => {
      const limits = options.limits ?? (await this.#limits.ledger(this.#definitions.plan.set));
      const settled = await settleAccounts(
        {
          past: new StoredPast(this.store),
          sink: this.#sink(options),
          limits,
          assertStillOwner: options.assertStillOwner,
        },
        pagesOfNamed(accounts),
        this.#clock(),
      );
      return { ...settled, events: await explained(this.store, settled.events) };
    });
  }

  /** Settles the decisions that are due by now. */
  async settleDue(options?: LivePassOptions): Promise<void> {
    const due = this.timers.due(this.#clock());
    if (due.length > 0) await this.settle(due, options);
  }

  /** Has happen what time has made due: to decisions, and to risks whose override has ended. */
  async lookAtDue(): Promise<void> {
    await this.settleDue();
    this.#touched.add(await this.overrideEnds.due(this.store, this.#clock()));
  }

  /** Resolves once every account touched so far has been scored. Rejects with what scoring them failed with. */
  async idle(): Promise<void> {
    await this.#touched.settled();
    await this.#alone(async () => {});
  }

  /** Takes no more work, finishes what runs, and scores what was touched. The store stays open. */
  async stop(): Promise<void> {
    this.#repeated.stop();
    await this.#touched.stop();
    await this.#alone(async () => {});
  }

  async #scoreEveryone(): Promise<PassSummary> {
    try {
      const summary = await this.rescoreAll();
      this.#rescoreFault = undefined;
      this.#touched.retry(summary.failures);
      return summary;
    } catch (thrown) {
      this.#rescoreFault = `The last rescore of everyone failed: ${PerennialError.from(thrown).message}`;
      throw thrown;
    }
  }

  /** After a pass over everyone what the next ones read of decisions is brought up to date. */
  async #fullPass(scopes: (asOf: Millis) => Scopes, options: LivePassOptions = {}): Promise<PassSummary> {
    const summary = await this.#livePass(scopes, options);
    await this.#alone(async () => {
      for await (const scope of scopes(summary.asOf)) {
        options.assertStillOwner?.();
        await digestDecisions(this.store, scope);
      }
      await tidyOpenDecisions(this.store);
    });
    return summary;
  }

  #livePass(scopes: (asOf: Millis) => Scopes, options: OwnPassOptions = {}): Promise<PassSummary> {
    return this.#alone(async () => {
      const definitions = this.#definitions;
      await this.#recorded.record(definitions);
      const asOf = await this.#now();
      const { outcome } = options;
      const store = outcome === undefined ? this.store : storeDuring(this.store, undefined, 'account');
      const past = new StoredPast(store, null, outcome !== undefined);
      const summary = await runPass(
        {
          features: featuresAt(store, definitions.scoring, asOf),
          past: outcome?.noting(past) ?? past,
          sink: this.#sink(options),
          limits: options.limits ?? (await this.#limits.ledger(definitions.plan.set)),
          staying: this.#staying,
          halve: halving(this.store, asOf),
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

  #sink({ epoch = 0, publish }: LivePassOptions): Sink {
    const live = new LiveSink({
      store: this.store,
      scoring: this.#definitions.scoring,
      clock: this.#clock,
      listeners: this.#listeners,
      epoch,
    });
    return explainingSink(this.store, publish === undefined ? live : sinksInOrder(live, publish));
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
      this.store,
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
    this.#latestAsOf ??= await readLatestAsOf(this.store, now + LIMITS.clockSkewMs);
    this.#latestAsOf = Math.max(now, this.#latestAsOf + 1);
    return this.#latestAsOf;
  }

  async #runningSubscriptions(): Promise<number> {
    this.#running ??= await countRunning(this.store);
    return this.#running;
  }
}
