import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Value, valueAt } from '../columns/column.js';
import { textReader } from '../columns/text-reader.js';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { groupBy } from '../core/group-by.js';
import { AccountHistory } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import {
  type DecisionRules,
  objectionToReopening,
  openFor,
  opensNothing,
  reviseTerms,
  type Situation,
  supersede,
} from '../decisions/arbitrate.js';
import { actionKey, type Decision, type DecisionEvent } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import { type Settled, settle } from '../decisions/settle.js';
import type { SharedLimits } from '../decisions/shared-limits.js';
import type { Scope } from '../features/population.js';
import type { FeatureBatch } from '../features/read-features.js';
import type { Evaluation } from '../rules/evaluation.js';
import { reasonsInWords } from '../rules/explain.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { Definitions } from './definitions.js';
import { DecisionFacts } from './fact-batch.js';
import type { Past, PastPage } from './past.js';
import { readAhead } from './read-ahead.js';
import { type ScoredSlice, scoreSlice, slicesOf } from './score-slice.js';
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

/** A row of a page: where a subscription stands. */
interface Place {
  readonly slice: ScoredSlice;
  readonly evaluation: Evaluation;
  readonly row: number;
}

/** The subscriptions of an account of which something may be decided. */
interface Account {
  readonly history: AccountHistory;
  readonly answers: readonly Answer[];
  readonly places: readonly Place[];
}

/** A subscription that may open something, once everything is settled. */
interface Waiting {
  readonly situation: Situation;
  readonly history: AccountHistory;
}

/** Events and suppressions that go to the sink together. */
const EVENTS_AT_ONCE = 2_000;
/** Accounts that are decided before others get their turn. */
const ACCOUNTS_AT_ONCE = 100;

class Pass {
  readonly #ports: PassPorts;
  readonly #definitions: Definitions;
  readonly #rules: DecisionRules;
  readonly #asOf: Millis;
  readonly #waiting: Waiting[] = [];
  readonly #bands: Record<Band, number> = { low: 0, medium: 0, high: 0, critical: 0, unknown: 0 };
  readonly #failures: PassFailure[] = [];
  readonly #counts = { subscriptions: 0, opened: 0, braked: 0, closed: 0, suppressed: 0, left: 0 };
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: PassPorts, definitions: Definitions, asOf: Millis) {
    this.#ports = ports;
    this.#definitions = definitions;
    const { revision, offers, lives, currencies } = definitions.plan.set;
    this.#rules = { revision, offers, lives, currencies, scoringRevision: definitions.scoring.revision };
    this.#asOf = asOf;
  }

  get summary(): PassSummary {
    return { asOf: this.#asOf, ...this.#counts, bands: this.#bands, failures: this.#failures };
  }

  async *read(scopes: AsyncIterable<Scope> | Iterable<Scope>): AsyncGenerator<Read> {
    for await (const scope of scopes) {
      try {
        const past = await this.#ports.past.page(scope, this.#asOf);
        const batches: FeatureBatch[] = [];
        for await (const batch of this.#ports.features(scope)) batches.push(batch);
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
    // What passes by itself is no account's fault: the whole pass is tried again.
    if (fault!.retryable || fault!.code === 'cancelled') throw fault!;
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
    this.#waiting.sort((a, b) => byUrgency(a.situation, b.situation));
    let events: DecisionEvent[] = [];
    let suppressed: SuppressionRow[] = [];
    const flush = async (): Promise<void> => {
      await this.#decided({ events, suppressed });
      [events, suppressed] = [[], []];
    };
    for (const [i, { situation, history }] of this.#waiting.entries()) {
      const openings = openFor(situation, history, limits, this.#rules);
      events.push(...openings.events);
      for (const suppression of openings.suppressed)
        suppressed.push(this.#suppressionRow(situation, suppression));
      if (events.length + suppressed.length >= EVENTS_AT_ONCE) await flush();
      if (i % ACCOUNTS_AT_ONCE === ACCOUNTS_AT_ONCE - 1) await nextTurn();
    }
    await flush();
    await this.#ports.sink.finish();
  }

  async #evaluatePage(past: PastPage, batches: readonly FeatureBatch[]): Promise<void> {
    const { scoring, plan } = this.#definitions;
    const decisionFacts = new DecisionFacts(past.actionFacts, past.decisions);
    const present = new Set<string>();
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
        for (let row = 0; row < slice.facts.length; row++) {
          present.add(`${account(row)}\0${subscription(row)}`);
          bands[BANDS[slice.scored.scores.band[row]!]!]++;
          if (!fired.has(row) && !alive.has(account(row))) continue;
          const known = places.get(account(row));
          if (known === undefined) places.set(account(row), [{ slice, evaluation, row }]);
          else known.push({ slice, evaluation, row });
        }
        await this.#writing;
        this.#ports.assertStillOwner?.();
        this.#writing = this.#ports.sink.scored(slice.scored, this.#asOf);
        // A failed insert is reported where it is awaited, one slice later.
        this.#writing.catch(() => {});
        await nextTurn();
      }
    }
    await this.#writing;
    const left = [...past.scored].filter(
      ({ accountId, subscriptionId }) => !present.has(`${accountId}\0${subscriptionId}`),
    );
    if (left.length > 0) {
      this.#ports.assertStillOwner?.();
      await this.#ports.sink.left(left, this.#asOf);
    }
    const waiting = await this.#decidePage(past, places, alive);
    this.#waiting.push(...waiting);
    this.#counts.subscriptions += present.size;
    this.#counts.left += left.length;
    for (const band of BANDS) this.#bands[band] += bands[band];
  }

  async #decidePage(
    past: PastPage,
    places: ReadonlyMap<string, readonly Place[]>,
    alive: ReadonlyMap<string, readonly Decision[]>,
  ): Promise<Waiting[]> {
    const answers = groupBy(past.answers, ({ accountId }) => accountId);
    const events: DecisionEvent[] = [];
    const suppressed: SuppressionRow[] = [];
    const applied: Answer[] = [];
    const refusals: Settled['refusals'][number][] = [];
    const waiting: Waiting[] = [];
    let done = 0;
    for (const accountId of new Set([...places.keys(), ...alive.keys(), ...answers.keys()])) {
      const decisions = alive.get(accountId) ?? [];
      const account: Account = {
        history: new AccountHistory(accountId, decisions, past.summariesOf(accountId)),
        answers: answers.get(accountId) ?? [],
        places: places.get(accountId) ?? [],
      };
      const settled = await this.#settle(account);
      events.push(...settled.events);
      refusals.push(...settled.refusals);
      const ids = new Set(decisions.map(({ decisionId }) => decisionId));
      applied.push(...account.answers.filter(({ decisionId }) => ids.has(decisionId)));
      const own = this.#openOwn(account);
      waiting.push(...own.waiting);
      suppressed.push(...own.suppressed);
      done++;
      if (done % ACCOUNTS_AT_ONCE === 0) await nextTurn();
    }
    await this.#decided({ events, suppressed, answers: applied, refusals });
    return waiting;
  }

  /** Closes what answers, time and conditions close; brings the terms of the others up to date. */
  async #settle({ history, answers, places }: Account): Promise<Settled> {
    const { limits, staying } = this.#ports;
    const byId = new Map(places.map((place) => [subscriptionAt(place), place]));
    const open = history.open().filter(({ subscriptionId }) => byId.has(subscriptionId));
    const states = new Map(
      await Promise.all(
        open.map(async (decision) => {
          const { slice, row } = byId.get(decision.subscriptionId)!;
          return [decision.decisionId, await staying.stateOf(decision, slice.facts, row)] as const;
        }),
      ),
    );
    const guardrailsOf = (subscriptionId: string) => {
      const place = byId.get(subscriptionId);
      return place === undefined ? [] : place.evaluation.guardrailsOf(place.row);
    };
    const settled = settle(
      history,
      limits,
      answers,
      this.#asOf,
      ({ decisionId, subscriptionId }) =>
        byId.has(subscriptionId) ? (states.get(decisionId) ?? 'unknown') : 'ended',
      (decision) =>
        objectionToReopening(
          decision,
          history,
          limits,
          guardrailsOf(decision.subscriptionId),
          this.#rules,
          this.#asOf,
        ),
    );
    const events = [...settled.events, ...supersede(history, limits, this.#asOf)];
    for (const place of places) {
      if (!history.open(subscriptionAt(place)).some(({ discountPct }) => discountPct > 0)) continue;
      events.push(...reviseTerms(this.#situation(place, []), history, limits, this.#rules));
    }
    return { events, refusals: settled.refusals };
  }

  /**
   * What guardrails of the account alone suppress is settled at once. As soon as one of its subscriptions could open something,
   * all of them wait for the end of the pass: what all accounts share, the brake included, goes to the most urgent first.
   */
  #openOwn({ history, places }: Account): { waiting: Waiting[]; suppressed: SuppressionRow[] } {
    const situations = places
      .filter((place) => this.#mayOpen(place, history))
      .map((place) => this.#situation(place, this.#fired(place)))
      .sort(byUrgency);
    const suppressed: SuppressionRow[] = [];
    for (const situation of situations) {
      const openings = opensNothing(situation, history, this.#rules);
      if (openings === undefined)
        return { waiting: situations.map((waiting) => ({ situation: waiting, history })), suppressed: [] };
      for (const suppression of openings.suppressed)
        suppressed.push(this.#suppressionRow(situation, suppression));
    }
    return { waiting: [], suppressed };
  }

  /** Whether a rule fired for it that proposes something that is not open. */
  #mayOpen(place: Place, history: AccountHistory): boolean {
    const fired = place.evaluation.rulesOf(place.row);
    if (fired.length === 0) return false;
    const open = new Set(history.open(subscriptionAt(place)).map(actionKey));
    return fired.some(({ event }) => {
      const action = event.type === 'offer' ? event.params.offer : event.params.topic;
      return !open.has(actionKey({ kind: event.type, action }));
    });
  }

  #fired({ slice, row }: Place): Situation['fired'] {
    const { plan } = this.#definitions;
    const full = this.#fullEvaluation(slice);
    return full
      .rulesOf(row)
      .map((rule) => ({ rule, reasons: reasonsInWords(plan, slice.facts, row, full, rule.conditions) }));
  }

  /** Every condition inside every rule is needed only to say why: once a slice, where something may open. */
  readonly #full = new WeakMap<ScoredSlice, Evaluation>();
  #fullEvaluation(slice: ScoredSlice): Evaluation {
    let full = this.#full.get(slice);
    if (full === undefined) {
      full = this.#definitions.plan.evaluateFully(slice.facts);
      this.#full.set(slice, full);
    }
    return full;
  }

  #situation({ slice, evaluation, row }: Place, fired: Situation['fired']): Situation {
    const { facts, scored } = slice;
    const value = (name: string): Value => valueAt(facts.column(name), row);
    return {
      accountId: value('account_id') as string,
      subscriptionId: value('subscription_id') as string,
      asOf: this.#asOf,
      risk: scored.scores.risk[row]!,
      band: BANDS[scored.scores.band[row]!]!,
      arrMinor: value('arr_minor') as number | null,
      arrAtRiskMinor: value('arr_at_risk_minor') as number | null,
      currency: (value('currency') as string | null) ?? '',
      owner: (value('owner') as string | null) ?? '',
      fired,
      guardrails: evaluation.guardrailsOf(row),
    };
  }

  #suppressionRow(
    { accountId, subscriptionId, asOf }: Situation,
    suppression: Omit<SuppressionRow, 'accountId' | 'subscriptionId' | 'asOf' | 'rulesRevision'>,
  ): SuppressionRow {
    return { ...suppression, accountId, subscriptionId, asOf, rulesRevision: this.#rules.revision };
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

/** The most ARR at risk first; then by account and subscription. */
function byUrgency(a: Situation, b: Situation): number {
  return (
    (b.arrAtRiskMinor ?? -1) - (a.arrAtRiskMinor ?? -1) ||
    compare(a.accountId, b.accountId) ||
    compare(a.subscriptionId, b.subscriptionId)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function anyFired(evaluation: Evaluation, rules: number): ReadonlySet<number> {
  const rows = new Set<number>();
  for (let rule = 0; rule < rules; rule++) for (const row of evaluation.fired(rule)) rows.add(row);
  return rows;
}

function subscriptionAt({ slice, row }: Pick<Place, 'slice' | 'row'>): string {
  return textReader(slice.facts, 'subscription_id')(row);
}

function accountsIn(scope: Scope): readonly string[] {
  return scope.kind === 'accounts' ? scope.accounts : [scope.first];
}
