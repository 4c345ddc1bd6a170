import type { Batch } from '../columns/batch.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { textReader } from '../columns/text-reader.js';
import { allOf } from '../core/all-of.js';
import { DAY_MS } from '../core/clock.js';
import { subscriptionKey } from '../core/identity.js';
import type { FeatureCatalogue } from './feature.js';
import { FEATURE_SETTINGS } from './feature-settings.js';
import { featureQuery } from './feature-sql.js';
import type { FeatureStore } from './feature-store.js';
import { numberColumn, numbersOf } from './feature-values.js';
import { isAboutFew, type Measured, measureFew } from './in-process/few-accounts.js';
import type { Measure } from './measures/measure.js';
import { NAMED_ACCOUNTS, pagesOfNamed } from './named-accounts.js';
import { recentFirst } from './planner/recent-first.js';
import type { Scope } from './population.js';
import type { FeatureQuestion, PresentQuestion } from './question.js';

/** With a larger share of subscriptions left to the second query, two queries cost more than one (ADR 0271). */
const MOST_SILENT = 0.01;
/** The share that the last range of accounts left to the second query, or would have. It changes the cost of a query, never its result. */
const silentShares = new WeakMap<FeatureCatalogue, number>();

/** What is read from, for which features, and in which lane of the store. */
interface Reading {
  readonly store: FeatureStore;
  readonly catalogue: FeatureCatalogue;
  readonly lane: 'serve' | 'batch';
}

/**
 * Contracts and measures, batch by batch, in the order of account and subscription. Measures of a few accounts are computed in this
 * process, those of named accounts by one query, and those of a range of accounts by one or two (`recentFirst`).
 */
export async function* readMeasured(
  reading: Reading,
  question: FeatureQuestion,
  measures: readonly Measure[],
): AsyncGenerator<Measured> {
  const { store, catalogue, lane } = reading;
  if (isAboutFew(question, catalogue)) {
    const few = await measureFew(store, question, measures, lane);
    if (few !== undefined) {
      yield* few;
      return;
    }
  }
  if (!mayBeInTwo(question, catalogue)) {
    yield* queried(reading, question, measures);
    return;
  }
  yield* queriedInTwo(reading, question, measures);
}

/** Whether two queries may be used: features in SQL need all measures in one. */
function mayBeInTwo(question: FeatureQuestion, { features }: FeatureCatalogue): question is PresentQuestion {
  return 'scope' in question && question.scope.kind === 'range' && features.every(({ sql }) => sql === null);
}

async function* queried(
  { store, catalogue, lane }: Reading,
  question: FeatureQuestion,
  measures: readonly Measure[],
): AsyncGenerator<Measured> {
  const { sql, params } = featureQuery(catalogue, question, measures);
  for await (const arrow of store.arrow(sql, params, { lane, settings: FEATURE_SETTINGS }))
    if (arrow.numRows > 0) yield { measured: batchFromArrow(arrow), arrow };
}

/** Measures of a range of accounts: by two queries where the last range left few subscriptions to the second, else by one. */
async function* queriedInTwo(
  reading: Reading,
  question: PresentQuestion,
  measures: readonly Measure[],
): AsyncGenerator<Measured> {
  const { catalogue } = reading;
  const { recent, earlier, days } = recentFirst(measures);
  if (earlier.length === 0) {
    yield* queried(reading, question, measures);
    return;
  }
  const inTwo = (silentShares.get(catalogue) ?? 0) <= MOST_SILENT;
  let [rows, silent] = [0, 0];
  // The whole result first: the second query waits for the lane that the first holds.
  for (const { measured, arrow } of await allOf(queried(reading, question, inTwo ? recent : measures))) {
    const lacking = silentRows(measured, earlier, days);
    rows += measured.length;
    silent += lacking.length;
    yield {
      measured: inTwo ? await withEarlier(reading, question, earlier, measured, lacking) : measured,
      arrow,
    };
  }
  if (rows > 0) silentShares.set(catalogue, silent / rows);
}

/** Rows for which one of the measures found no signal within the shorter window. */
function silentRows(measured: Batch, measures: readonly Measure[], days: number): readonly number[] {
  const asOf = numbersOf(measured.column('as_of'));
  const columns = measures.map(({ name, definition }) => {
    const values = numbersOf(measured.column(name));
    // NaN, of no signal at all, is not less.
    return definition.op === 'last_at'
      ? (row: number) => (asOf[row]! - values[row]!) / DAY_MS < days
      : (row: number) => values[row]! < days;
  });
  const rows: number[] = [];
  for (let row = 0; row < measured.length; row++)
    if (!columns.every((isRecent) => isRecent(row))) rows.push(row);
  return rows;
}

/** Runs the second query for the accounts of these rows, and fills in what it found. */
async function withEarlier(
  reading: Reading,
  question: PresentQuestion,
  measures: readonly Measure[],
  measured: Batch,
  lacking: readonly number[],
): Promise<Batch> {
  if (lacking.length === 0) return measured;
  const filled = measures.map(({ name }) => ({ name, values: numbersOf(measured.column(name)) }));
  const account = textReader(measured, 'account_id');
  const subscription = textReader(measured, 'subscription_id');
  const rows = new Map(lacking.map((row) => [subscriptionKey(account(row), subscription(row)), row]));
  const accounts = new Set(lacking.map(account));
  const scopes: Iterable<Scope> =
    accounts.size > NAMED_ACCOUNTS
      ? [{ kind: 'range', first: account(0), last: account(measured.length - 1) }]
      : pagesOfNamed(accounts);
  for (const scope of scopes)
    for await (const { measured: earlier } of readMeasured(reading, { ...question, scope }, measures)) {
      const [itsAccount, itsSubscription] = [
        textReader(earlier, 'account_id'),
        textReader(earlier, 'subscription_id'),
      ];
      const found = filled.map(({ name, values }) => ({ values, found: numbersOf(earlier.column(name)) }));
      for (let i = 0; i < earlier.length; i++) {
        const row = rows.get(subscriptionKey(itsAccount(i), itsSubscription(i)));
        if (row === undefined) continue;
        for (const one of found) if (Number.isNaN(one.values[row]!)) one.values[row] = one.found[i]!;
      }
    }
  return measured.with(filled.map(({ name, values }) => [name, numberColumn(values, [null, null])] as const));
}
