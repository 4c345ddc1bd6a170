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

/** To read a stretch once more costs more than is saved, where the first question left a larger share. */
const MOST_SILENT = 0.01;
/** The share that it left, or would have, the last time that there was such a question. */
const silentShares = new WeakMap<FeatureCatalogue, number>();

/** Who and what reads. */
interface Reading {
  readonly store: FeatureStore;
  readonly catalogue: FeatureCatalogue;
  readonly lane: 'serve' | 'batch';
}

/**
 * Contracts and measures, batch by batch, in the order of account and subscription: computed here for a few accounts, by one query
 * for some, and by one and what it leaves for a stretch of accounts.
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

/** Whether measures may be asked for twice: see `recentFirst`. What features in SQL name has to be there at once. */
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

/** Those of a stretch of accounts: in one question, or the latest signals first where few had none lately. */
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
  // All of it at once: the second question has to wait for the place of the first.
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

/** The rows of which a measure has nothing in the last days. */
function silentRows(measured: Batch, measures: readonly Measure[], days: number): readonly number[] {
  const asOf = numbersOf(measured.column('as_of'));
  const columns = measures.map(({ name, definition }) => {
    const values = numbersOf(measured.column(name));
    // Not a number where there is nothing at all.
    return definition.op === 'last_at'
      ? (row: number) => (asOf[row]! - values[row]!) / DAY_MS < days
      : (row: number) => values[row]! < days;
  });
  const rows: number[] = [];
  for (let row = 0; row < measured.length; row++)
    if (!columns.every((isRecent) => isRecent(row))) rows.push(row);
  return rows;
}

/** Fills in measures of subscriptions that lack them, with what the store has of their accounts. */
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
