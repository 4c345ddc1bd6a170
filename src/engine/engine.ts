import { type Clock, DAY_MS } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Answer } from '../decisions/answer.js';
import type { Settled } from '../decisions/settle.js';
import { pagesOfNamed } from '../features/named-accounts.js';
import { type Written, writeBatch } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { encodeAnswers, readRefusals } from '../store/decision-inbox.js';
import { insertRows } from '../store/encoded-rows.js';
import type { Store } from '../store/store.js';
import { AccountOutcome } from './account-outcome.js';
import { CollectedAnswers } from './collected-answers.js';
import { DecisionTimers } from './decision-timers.js';
import type { Definitions } from './definitions.js';
import type { LatestRisksOptions } from './latest-risks.js';
import { LivePasses, type LivePassesOptions, type LivePassOptions, type ScopesAt } from './live-passes.js';
import type { LiveListener } from './live-sink.js';
import { OverrideEnds } from './override-ends.js';
import { pagesOfAccounts } from './pages.js';
import type { PassSummary } from './pass.js';
import { Questions } from './questions.js';
import { RepeatedWork } from './repeated-work.js';
import { TouchedAccounts } from './touched-accounts.js';

/*
 * The engine keeps the present current:
 *
 *   ingest --> store --> touched accounts --+
 *   clock: everyone, now and then ----------+--> one live pass at a time --> live sink --> listeners, publisher
 *   commands and answers --> inbox ---------+    (or, without scoring, settling)
 *   due dates of decisions -----------------+
 *
 * What starts passes is here, and what they do in `live-passes.ts`. Questions about another time are what-ifs (`what-if.ts`):
 * they never come here.
 */
export interface EngineOptions extends LivePassesOptions {
  /** Time between two rescores of everyone: time passes without signals. Null: never by itself. @default one day */
  readonly fullRescoreEveryMs?: number | null;
  /** What is held in memory for questions about the latest risk. */
  readonly latestRisks?: LatestRisksOptions;
}

/** How often due dates are looked at. */
const TIMER_MS = 10_000;

export class Engine {
  readonly store: Store;
  readonly questions: Questions;
  readonly timers = new DecisionTimers();
  readonly overrideEnds = new OverrideEnds();
  readonly #clock: Clock;
  readonly #passes: LivePasses;
  readonly #touched: TouchedAccounts;
  readonly #everyMs: number | null;
  readonly #repeated: RepeatedWork;
  /** The full pass that waits for its turn. */
  #everyone: Promise<PassSummary> | undefined;
  #rescoreFault: string | undefined;

  constructor({ fullRescoreEveryMs = DAY_MS, latestRisks, ...parts }: EngineOptions) {
    const { store, clock, log } = parts;
    this.store = store;
    this.#clock = clock;
    this.#passes = new LivePasses(parts);
    this.#everyMs = fullRescoreEveryMs;
    this.#repeated = new RepeatedWork(log);
    this.questions = new Questions(store, () => this.definitions, clock, latestRisks);
    this.subscribe({
      onScored: (batch, asOf) => this.questions.stored(batch, asOf),
      onLeft: (subscriptions) => this.questions.left(subscriptions),
      onDecided: (events) => this.timers.record(events),
    });
    this.#touched = new TouchedAccounts((accounts) => this.rescoreAccounts(accounts), log);
  }

  get definitions(): Definitions {
    return this.#passes.definitions;
  }

  /** Swaps the active definitions atomically: a running pass ends under those it began with. */
  activate(definitions: Definitions): Promise<void> {
    return this.#passes.activate(definitions);
  }

  /** Invokes callbacks after results of live passes are durable. Returns how to unsubscribe. */
  subscribe(listener: LiveListener): () => void {
    return this.#passes.subscribe(listener);
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
    return this.#passes.score(() => pagesOfNamed(accounts), options);
  }

  /** Scores and decides one account as of now, while a caller waits. Rejects when it can't be scored. */
  async decideAccount(accountId: string): Promise<AccountOutcome> {
    const outcome = new AccountOutcome();
    const { failures } = await this.#passes.score(() => pagesOfNamed([accountId]), {
      outcome,
      publish: outcome,
    });
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
    this.#everyone ??= this.#passes
      .scoreAll((asOf) => {
        this.#everyone = undefined;
        return pagesOfAccounts(this.store, asOf);
      })
      .finally(() => {
        this.#everyone = undefined;
      });
    return this.#everyone;
  }

  /** Scores the accounts of these scopes as of now: a share of everyone. */
  rescoreScopes(scopes: ScopesAt, options?: LivePassOptions): Promise<PassSummary> {
    return this.#passes.scoreAll(scopes, options);
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
  settle(accounts: readonly string[], options?: LivePassOptions): Promise<Settled> {
    return this.#passes.settle(accounts, options);
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
    await this.#passes.idle();
  }

  /** Takes no more work, finishes what runs, and scores what was touched. The store stays open. */
  async stop(): Promise<void> {
    this.#repeated.stop();
    await this.#touched.stop();
    await this.#passes.idle();
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
}
