import { setImmediate as nextTurn } from 'node:timers/promises';
import { Bitset } from '../columns/bitset.js';
import { textReader } from '../columns/text-reader.js';
import { allOf } from '../core/all-of.js';
import type { Millis } from '../core/clock.js';
import { type ErrorCode, PerennialError } from '../core/errors.js';
import { groupBy } from '../core/group-by.js';
import { AccountHistory } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision, DecisionEvent } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import type { Settled } from '../decisions/settle.js';
import type { SharedLimits } from '../decisions/shared-limits.js';
import type { Scope } from '../features/population.js';
import type { FeatureBatch } from '../features/read-features.js';
import type { Evaluation } from '../rules/evaluation.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { ScoredBatch } from '../store/risk-rows.js';
import { AccountDecider, byUrgency, type Place, type Queued, type Waiting } from './account-decider.js';
import type { Definitions } from './definitions.js';
import { DecisionFacts } from './fact-batch.js';
import type { Past, PastPage } from './past.js';
import { readAhead } from './read-ahead.js';
import { scoreSlice, slicesOf } from './score-slice.js';
import type { Sink } from './sink.js';
import type { StayingConditions } from './staying-conditions.js';

/*
 * A pass: some subscriptions, evaluated once as of a time.
 *
 *   scopes --> features as of T --+
 *                                 |     page by page                    after all pages
 *   Past (port) ------------------+--> score --> rules --> settle ----> open --------------> Sink (port)
 *                                 |              (fired)   (close)      (most urgent first)
 *   definitions ------------------+
 *
 * - Risks go to the sink page by page; while a page is scored, the next is read.
 * - Closing comes before opening: answers, time and conditions of a page are settled as soon as it is scored. What may open
 *   waits until every page is settled, and is then judged the most ARR at risk first, then by account and subscription: budgets,
 *   the load of owners and the brake are shared. So what is decided does not depend on the pages.
 * - The result is a function of features, past, definitions and time. Only the ports know where those come from and where the
 *   result goes: the same pass scores the present, answers what-ifs, and compares rule sets.
 * - A page that fails is halved until the account at fault is alone; it is reported, and all others are scored.
 */
export interface PassPorts {
  features(scope: Scope): AsyncIterable<FeatureBatch>;
  readonly past: Past;
  readonly sink: Sink;
  readonly limits: SharedLimits & { prepare?(running: number): void };
  readonly staying: StayingConditions;
  /** Two halves of a scope; undefined when it is a single account. */
  halve(scope: Scope): Promise<readonly [Scope, Scope] | undefined>;
  /** Throws `cancelled` once the accounts have another owner. Asked before everything that is written. */
  readonly assertStillOwner?: (() => void) | undefined;
  /** Subscriptions that run in all, where the pass looks at a few of them. */
  readonly running?: number;
}

/** Accounts that could not be scored, and why. */
export interface PassFailure {
  readonly accounts: readonly string[];
  readonly error: PerennialError;
}

export interface PassSummary {
  readonly asOf: Millis;
  readonly subscriptions: number;
  readonly bands: Readonly<Record<Band, number>>;
  readonly opened: number;
  /** Of those opened: what waits for approval because the brake holds it. */
  readonly braked: number;
  readonly closed: number;
  readonly suppressed: number;
  /** Subscriptions that had a risk and do not run any more. */
  readonly left: number;
  readonly failures: readonly PassFailure[];
}

/** Evaluates the subscriptions of the scopes as of a time. */
export async function runPass(
  ports: PassPorts,
  definitions: Definitions,
  scopes: AsyncIterable<Scope> | Iterable<Scope>,
  asOf: Millis,
): Promise<PassSummary> {
  const pass = new Pass(ports, definitions, asOf);
  for await (const read of readAhead(pass.read(scopes))) await pass.evaluate(read);
  await pass.finish();
  return pass.summary;
}

/** What was read of one scope, or why it could not be. */
interface Read {
  readonly scope: Scope;
  readonly page?: { readonly past: PastPage; readonly batches: readonly FeatureBatch[] };
  readonly error?: PerennialError;
}

/** Risks that go to the sink together: each insert is merged with those before it, so that few large ones cost half of many. */
const RISKS_AT_ONCE = 65_536;
/** Events and suppressions that go to the sink together. */
const EVENTS_AT_ONCE = 2_000;
/** Accounts that are decided before others get their turn. */
const ACCOUNTS_AT_ONCE = 100;

class Pass {
  readonly #ports: PassPorts;
  readonly #definitions: Definitions;
  readonly #decider: AccountDecider;
  readonly #asOf: Millis;
  readonly #revising: Queued[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #bands: Record<Band, number> = { low: 0, medium: 0, high: 0, critical: 0, unknown: 0 };
  readonly #failures: PassFailure[] = [];
  readonly #counts = { subscriptions: 0, opened: 0, braked: 0, closed: 0, suppressed: 0, left: 0 };
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: PassPorts, definitions: Definitions, asOf: Millis) {
    this.#ports = ports;
    this.#definitions = definitions;
    this.#decider = new AccountDecider(definitions, ports.limits, asOf);
    this.#asOf = asOf;
  }

  get summary(): PassSummary {
    return { asOf: this.#asOf, ...this.#counts, bands: this.#bands, failures: this.#failures };
  }

  async *read(scopes: AsyncIterable<Scope> | Iterable<Scope>): AsyncGenerator<Read> {
    for await (const scope of scopes) {
      try {
        // Features first: they take the longest.
        const [batches, past] = await Promise.all([
          allOf(this.#ports.features(scope)),
          this.#ports.past.page(scope, this.#asOf),
        ]);
        yield { scope, page: { past, batches } };
      } catch (thrown) {
        yield { scope, error: PerennialError.from(thrown) };
      }
    }
  }

  /** Scores and settles what was read of a scope. A scope at fault is halved, until the account at fault is alone. */
  async evaluate({ scope, page, error }: Read): Promise<void> {
    let fault = error;
    if (page !== undefined) {
      try {
        await this.#evaluatePage(page.past, page.batches);
        return;
      } catch (thrown) {
        fault = PerennialError.from(thrown);
      }
    }
    if (!isOfAccounts(fault!)) throw fault!;
    const halves = await this.#ports.halve(scope);
    if (halves === undefined) {
      this.#failures.push({ accounts: accountsIn(scope), error: fault! });
      return;
    }
    for await (const half of this.read(halves)) await this.evaluate(half);
  }

  /** Gives out what all accounts share, once everything is settled. */
  async finish(): Promise<void> {
    await this.#writing;
    const { limits, running = 0 } = this.#ports;
    limits.prepare?.(Math.max(running, this.#counts.subscriptions));
    // The most urgent last, to be taken from there: what has been given out is let go of.
    this.#waiting.sort((a, b) => byUrgency(b, a));
    let events: DecisionEvent[] = [];
    let suppressed: SuppressionRow[] = [];
    const flush = async (): Promise<void> => {
      await this.#decided({ events, suppressed });
      [events, suppressed] = [[], []];
    };
    for (const revising of this.#revising.sort(byUrgency)) events.push(...this.#decider.revise(revising));
    let given = 0;
    for (let waiting = this.#waiting.pop(); waiting !== undefined; waiting = this.#waiting.pop()) {
      const openings = this.#decider.open(waiting);
      events.push(...openings.events);
      suppressed.push(...this.#decider.suppressionsOf(waiting.situation, openings));
      if (events.length + suppressed.length >= EVENTS_AT_ONCE) await flush();
      given++;
      if (given % ACCOUNTS_AT_ONCE === 0) await nextTurn();
    }
    await flush();
    await this.#ports.sink.finish();
  }

  async #evaluatePage(past: PastPage, batches: readonly FeatureBatch[]): Promise<void> {
    const { scoring, plan } = this.#definitions;
    const decisionFacts = new DecisionFacts(past.actionFacts, past.decisions);
    const present = new Bitset(past.risks.present);
    const scored: ScoredBatch[] = [];
    let subscriptions = 0;
    const places = new Map<string, Place[]>();
    const alive = groupBy(past.decisions, ({ accountId }) => accountId);
    const bands: Record<Band, number> = { low: 0, medium: 0, high: 0, critical: 0, unknown: 0 };
    for (const batch of batches) {
      for (const part of slicesOf(batch)) {
        const slice = scoreSlice(part, scoring, past, decisionFacts, this.#asOf);
        const evaluation = plan.evaluate(slice.facts);
        const account = textReader(slice.facts, 'account_id');
        const subscription = textReader(slice.facts, 'subscription_id');
        const fired = anyFired(evaluation, plan.set.rules.length);
        subscriptions += slice.facts.length;
        countBands(bands, slice.scored.scores.band);
        addPlaces(present, slice.places);
        for (let row = 0; row < slice.facts.length; row++) {
          if (!fired.has(row) && !alive.has(account(row))) continue;
          const place = { subscriptionId: subscription(row), slice, evaluation, row };
          const known = places.get(account(row));
          if (known === undefined) places.set(account(row), [place]);
          else known.push(place);
        }
        scored.push(slice.scored);
        if (rowsOf(scored) >= RISKS_AT_ONCE) await this.#write(scored.splice(0));
        await nextTurn();
      }
    }
    await this.#write(scored);
    await this.#writing;
    const left = [...present.not()].map((place) => past.risks.subscriptionAt(place));
    if (left.length > 0) {
      this.#ports.assertStillOwner?.();
      await this.#ports.sink.left(left, this.#asOf);
    }
    const waiting = await this.#decidePage(past, places, alive);
    for (const [reasons, those] of groupBy(waiting, (one) => one.reasons))
      reasons.keepOnly(those.map(({ row }) => row));
    this.#waiting.push(...waiting);
    this.#counts.subscriptions += subscriptions;
    this.#counts.left += left.length;
    for (const band of BANDS) this.#bands[band] += bands[band];
  }

  /** Begins to write risks, once those before them are written. */
  async #write(scored: readonly ScoredBatch[]): Promise<void> {
    await this.#writing;
    if (scored.length === 0) return;
    this.#ports.assertStillOwner?.();
    this.#writing = this.#ports.sink.scored(scored, this.#asOf);
    // A failed insert is reported where it is awaited: before the next one, or at the end of the page.
    this.#writing.catch(() => {});
  }

  async #decidePage(
    past: PastPage,
    places: ReadonlyMap<string, readonly Place[]>,
    alive: ReadonlyMap<string, readonly Decision[]>,
  ): Promise<Waiting[]> {
    const answers = groupBy(past.answers, ({ accountId }) => accountId);
    const stateOf = await this.#ports.staying.prepare(past.decisions);
    const events: DecisionEvent[] = [];
    const suppressed: SuppressionRow[] = [];
    const applied: Answer[] = [];
    const refusals: Settled['refusals'][number][] = [];
    const waiting: Waiting[] = [];
    let done = 0;
    for (const accountId of new Set([...places.keys(), ...alive.keys(), ...answers.keys()])) {
      done++;
      if (done % ACCOUNTS_AT_ONCE === 0) await nextTurn();
      const [decisions, given, where] = [
        alive.get(accountId) ?? [],
        answers.get(accountId) ?? [],
        places.get(accountId) ?? [],
      ];
      if (given.length === 0 && this.#decider.isQuiet(decisions, where, stateOf)) continue;
      const history = new AccountHistory(accountId, decisions, past.summariesOf(accountId));
      const settled = this.#decider.settle(history, given, past.restorations, where, stateOf);
      events.push(...settled.events);
      refusals.push(...settled.refusals);
      const ids = new Set(decisions.map(({ decisionId }) => decisionId));
      const postponed = new Set(settled.postponed);
      applied.push(...given.filter((answer) => ids.has(answer.decisionId) && !postponed.has(answer)));
      this.#revising.push(...this.#decider.toRevise(history, where));
      const own = this.#decider.openOwn(history, where);
      waiting.push(...own.waiting);
      suppressed.push(...own.suppressed);
    }
    await this.#decided({ events, suppressed, answers: applied, refusals });
    return waiting;
  }

  async #decided({
    events,
    suppressed,
    answers = [],
    refusals = [],
  }: {
    readonly events: readonly DecisionEvent[];
    readonly suppressed: readonly SuppressionRow[];
    readonly answers?: readonly Answer[];
    readonly refusals?: Settled['refusals'];
  }): Promise<void> {
    if (events.length + suppressed.length + answers.length === 0) return;
    this.#ports.assertStillOwner?.();
    await this.#ports.sink.decided({ events, suppressed, answers, refusals });
    for (const { event, at, decision } of events) {
      if (event === 'opened') this.#counts.opened++;
      if (event === 'opened' && decision.waitsFor === 'brake') this.#counts.braked++;
      if (!isOpen(decision) && at === decision.closedAt) this.#counts.closed++;
    }
    this.#counts.suppressed += suppressed.length;
  }
}

/** No account is at fault for what passes by itself, nor for a store that may not be read or written: the pass ends with that. */
function isOfAccounts({ code, retryable }: PerennialError): boolean {
  return !retryable && !NOT_OF_ACCOUNTS.has(code);
}

const NOT_OF_ACCOUNTS: ReadonlySet<ErrorCode> = new Set([
  'cancelled',
  'failed_precondition',
  'permission_denied',
  'unauthenticated',
]);

function rowsOf(scored: readonly ScoredBatch[]): number {
  return scored.reduce((rows, { batch }) => rows + batch.length, 0);
}

function anyFired(evaluation: Evaluation, rules: number): Bitset {
  const rows = new Bitset(evaluation.length);
  for (let rule = 0; rule < rules; rule++) rows.or(evaluation.fired(rule));
  return rows;
}

function countBands(counts: Record<Band, number>, bands: Uint8Array): void {
  const found = BANDS.map(() => 0);
  for (let row = 0; row < bands.length; row++) found[bands[row]!]!++;
  found.forEach((count, place) => {
    counts[BANDS[place]!] += count;
  });
}

/** Adds the risks of the present that are scored again. */
function addPlaces(present: Bitset, places: Int32Array): void {
  for (let row = 0; row < places.length; row++) {
    const place = places[row]!;
    if (place >= 0 && place < present.length) present.add(place);
  }
}

function accountsIn(scope: Scope): readonly string[] {
  return scope.kind === 'accounts' ? scope.accounts : [scope.first];
}
