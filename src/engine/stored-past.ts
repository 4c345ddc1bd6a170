import type { Batch } from '../columns/batch.js';
import { type NumberColumn, valueAt } from '../columns/column.js';
import { RowFinder } from '../columns/row-finder.js';
import { textReader } from '../columns/text-reader.js';
import { allOf } from '../core/all-of.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { subscriptionKey } from '../core/identity.js';
import { type ActionSummary, mergedSummaries, summaries } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import type { Scope } from '../features/population.js';
import type { EventType } from '../rules/event.js';
import type { Band } from '../scoring/scorecard.js';
import { readPendingAnswers } from '../store/decision-inbox.js';
import { readDecisionsOfFew, readLiveDecisions } from '../store/decision-log.js';
import { readSummaries, readSummariesOf } from '../store/decision-summaries.js';
import { readArrivals } from '../store/moved-subscriptions.js';
import { readRestorations } from '../store/restorations.js';
import { readOverrides } from '../store/risk-overrides.js';
import { readPreviousRisks } from '../store/risk-state.js';
import type { Store } from '../store/store.js';
import type { ActionFacts, Overrides, Past, PastPage, PreviousRisk, PreviousRisks } from './past.js';

/**
 * The past as the store has it: of the present, or with `time` as it stood then, put together from what happened up to it.
 * Answers that wait are those of the present; a question about another time has none.
 */
export class StoredPast implements Past {
  readonly #store: Store;
  readonly #time: Millis | null;
  readonly #explained: boolean;

  /** `explained`: decisions come with what explains them, which no pass looks at, but those who wait for one do. */
  constructor(store: Store, time: Millis | null = null, explained = false) {
    this.#store = store;
    this.#time = time;
    this.#explained = explained;
  }

  async page(scope: Scope, asOf: Millis): Promise<PastPage> {
    const [decided, overrides, risks] = await Promise.all([
      this.#decided(scope, asOf),
      overridesOf(this.#store, scope, asOf),
      StoredRisks.read(readPreviousRisks(this.#store, scope, this.#time)),
    ]);
    return { ...decided, risks, overrides };
  }

  async #decided(scope: Scope, asOf: Millis): Promise<Omit<PastPage, 'risks' | 'overrides'>> {
    const now = this.#time === null;
    const [answers, all] = await Promise.all([
      now ? readPendingAnswers(this.#store, scope) : [],
      now ? readDecisionsOfFew(this.#store, scope, this.#explained) : undefined,
    ]);
    const takenBack = answers.filter((answer) => answer.takenBack === true);
    const [decided, restorations, carried] = await Promise.all([
      all === undefined ? this.#decidedAmongMany(scope, asOf, answers) : decidedAmong(all, asOf, answers),
      readRestorations(this.#store, takenBack),
      this.#carriedAlong(scope, asOf),
    ]);
    return { ...withCarried(decided, carried), answers, restorations };
  }

  /**
   * What was decided for subscriptions at the accounts that they left, by the account that has them now: it is the same customer who
   * saw it, so that guardrails count it.
   */
  async #carriedAlong(scope: Scope, asOf: Millis): Promise<ReadonlyMap<string, ActionSummary[]>> {
    const arrivals = await readArrivals(this.#store, scope, this.#time ?? asOf);
    if (arrivals.length === 0) return new Map();
    const before = await Summaries.read(readSummariesOf(this.#store, arrivals, this.#time, asOf));
    const carried = arrivals.flatMap(({ accountId, subscriptionId, nowAt }) =>
      before
        .of(accountId)
        .filter((summary) => summary.subscriptionId === subscriptionId)
        .map((summary) => ({ ...summary, accountId: nowAt })),
    );
    return groupBy(carried, ({ accountId }) => accountId);
  }

  async #decidedAmongMany(scope: Scope, asOf: Millis, answers: readonly Answer[]): Promise<DecidedBefore> {
    const [decisions, actionFacts] = await Promise.all([
      readLiveDecisions(this.#store, scope, this.#time, answers, this.#explained),
      Summaries.read(readSummaries(this.#store, scope, this.#time, asOf)),
    ]);
    return { decisions, actionFacts, summariesOf: (accountId) => actionFacts.of(accountId) };
  }
}

type DecidedBefore = Pick<PastPage, 'decisions' | 'actionFacts' | 'summariesOf'>;

/** The same from all decisions of a few accounts. */
function decidedAmong(all: readonly Decision[], asOf: Millis, answers: readonly Answer[]): DecidedBefore {
  const named = new Set(answers.map(({ decisionId }) => decisionId));
  const actionFacts = summaries(all, asOf - 365 * DAY_MS);
  const byAccount = groupBy(actionFacts, ({ accountId }) => accountId);
  return {
    decisions: all.filter((decision) => isOpen(decision) || named.has(decision.decisionId)),
    actionFacts,
    summariesOf: (accountId) => byAccount.get(accountId) ?? [],
  };
}

function withCarried(
  decided: DecidedBefore,
  carried: ReadonlyMap<string, readonly ActionSummary[]>,
): DecidedBefore {
  if (carried.size === 0) return decided;
  const summariesOf = (accountId: string): ActionSummary[] =>
    mergedSummaries(decided.summariesOf(accountId), carried.get(accountId) ?? []);
  const others = [...decided.actionFacts].filter(({ accountId }) => !carried.has(accountId));
  return { ...decided, summariesOf, actionFacts: [...others, ...[...carried.keys()].flatMap(summariesOf)] };
}

/** The overrides of a scope as of a time. */
async function overridesOf(store: Store, scope: Scope, asOf: Millis): Promise<Overrides> {
  const overrides = await readOverrides(store, asOf, scope);
  const byKey = new Map(overrides.map((one) => [subscriptionKey(one.accountId, one.subscriptionId), one]));
  return {
    size: byKey.size,
    of: (accountId, subscriptionId) => byKey.get(subscriptionKey(accountId, subscriptionId)),
  };
}

/** A row of one of several batches. */
type Place = readonly [batch: number, row: number];

/** The last risks of many subscriptions, as columns. */
class StoredRisks implements PreviousRisks {
  readonly #finder: RowFinder;
  readonly #risks: Float64Array;
  readonly #bands: readonly Band[];
  readonly #times: Float64Array;

  private constructor(batches: readonly Batch[]) {
    this.#finder = new RowFinder(batches);
    this.#risks = numbersOf(batches, 'risk');
    this.#times = numbersOf(batches, 'as_of');
    this.#bands = batches.flatMap((batch) => {
      const band = textReader(batch, 'band');
      return Array.from({ length: batch.length }, (_, row) => band(row) as Band);
    });
  }

  static async read(batches: AsyncIterable<Batch>): Promise<StoredRisks> {
    return new StoredRisks(await allOf(batches));
  }

  get present(): number {
    return this.#finder.length;
  }

  placeOf(accountId: string, subscriptionId: string): number {
    return this.#finder.placeOf(accountId, subscriptionId);
  }

  at(place: number): PreviousRisk {
    const [risk, band] = [this.#risks[place]!, this.#bands[place]!];
    return { risk: Number.isNaN(risk) ? null : risk, band, asOf: this.#times[place]! };
  }

  subscriptionAt(place: number): { accountId: string; subscriptionId: string } {
    return {
      accountId: this.#finder.accountAt(place),
      subscriptionId: this.#finder.subscriptionAt(place),
    };
  }
}

/** A column of several batches as one array; NaN where a row has no number. */
function numbersOf(batches: readonly Batch[], name: string): Float64Array {
  const all = new Float64Array(batches.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const batch of batches) {
    const { values, valid } = batch.column(name) as NumberColumn;
    all.set(values, at);
    if (valid !== null)
      for (let row = 0; row < batch.length; row++) if (!valid.has(row)) all[at + row] = Number.NaN;
    at += batch.length;
  }
  return all;
}

/** What was decided, by action, as columns; objects are made for the accounts that are asked about. */
class Summaries implements Iterable<ActionFacts> {
  readonly #batches: readonly Batch[];
  readonly #byAccount = new Map<string, Place[]>();

  private constructor(batches: readonly Batch[]) {
    this.#batches = batches;
    batches.forEach((batch, index) => {
      const account = textReader(batch, 'account_id');
      for (let row = 0; row < batch.length; row++) {
        const places = this.#byAccount.get(account(row));
        if (places === undefined) this.#byAccount.set(account(row), [[index, row]]);
        else places.push([index, row]);
      }
    });
  }

  static async read(batches: AsyncIterable<Batch>): Promise<Summaries> {
    return new Summaries(await allOf(batches));
  }

  of(accountId: string): ActionSummary[] {
    return (this.#byAccount.get(accountId) ?? []).map(([index, row]) => {
      const batch = this.#batches[index]!;
      const text = (name: string) => valueAt(batch.column(name), row) as string;
      const number = (name: string) => valueAt(batch.column(name), row) as number;
      const time = (name: string) => valueAt(batch.column(name), row) as Millis | null;
      return {
        accountId,
        subscriptionId: text('subscription_id'),
        kind: text('kind') as EventType,
        action: text('action'),
        openings: number('openings'),
        openedLastYear: number('opened_last_year'),
        openedAt: number('opened_at'),
        presentedAt: time('presented_at'),
        acceptedAt: time('accepted_at'),
        declinedAt: time('declined_at'),
        expiredAt: time('expired_at'),
        resolvedAt: time('resolved_at'),
        seenAt: text('seen_at') === '' ? [] : text('seen_at').split(',').map(Number),
      };
    });
  }

  *[Symbol.iterator](): Generator<ActionFacts> {
    for (const batch of this.#batches) {
      const account = textReader(batch, 'account_id');
      const subscription = textReader(batch, 'subscription_id');
      const kind = textReader(batch, 'kind');
      const openedAt = (batch.column('opened_at') as NumberColumn).values;
      const openedLastYear = (batch.column('opened_last_year') as NumberColumn).values;
      for (let row = 0; row < batch.length; row++)
        yield {
          accountId: account(row),
          subscriptionId: subscription(row),
          kind: kind(row) as EventType,
          openedAt: openedAt[row]!,
          openedLastYear: openedLastYear[row]!,
        };
    }
  }
}
