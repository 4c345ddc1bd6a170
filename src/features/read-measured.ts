import type { Batch } from '../columns/batch.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { textReader } from '../columns/text-reader.js';
import { allOf } from '../core/all-of.js';
import { subscriptionKey } from '../core/identity.js';
import type { FeatureCatalogue } from './feature.js';
import { FEATURE_SETTINGS } from './feature-settings.js';
import { featureQuery } from './feature-sql.js';
import type { FeatureStore } from './feature-store.js';
import { numberColumn, numbersOf } from './feature-values.js';
import { isAboutFew, type Measured, measureFew } from './in-process/few-accounts.js';
import type { Measure } from './measures/measure.js';
import { pagesOfNamed } from './named-accounts.js';
import { recentFirst } from './planner/recent-first.js';
import type { FeatureQuestion, PresentQuestion } from './question.js';

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
  if (!isTakenInTwo(question, catalogue)) {
    yield* queried(reading, question, measures);
    return;
  }
  const { recent, earlier } = recentFirst(measures);
  // All of it at once: the second question has to wait for the place of the first.
  for (const { measured, arrow } of await allOf(queried(reading, question, recent)))
    yield { measured: await withEarlier(reading, question, earlier, measured), arrow };
}

/** Whether measures are asked for twice: see `recentFirst`. What features in SQL name has to be there at once. */
export function isTakenInTwo(
  question: FeatureQuestion,
  { features }: FeatureCatalogue,
): question is PresentQuestion {
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

/** Fills in measures of subscriptions that lack them, with what the store has of their accounts. */
async function withEarlier(
  reading: Reading,
  question: PresentQuestion,
  measures: readonly Measure[],
  measured: Batch,
): Promise<Batch> {
  const filled = measures.map(({ name }) => ({ name, values: numbersOf(measured.column(name)) }));
  const account = textReader(measured, 'account_id');
  const subscription = textReader(measured, 'subscription_id');
  const rows = new Map<string, number>();
  const accounts = new Set<string>();
  for (let row = 0; row < measured.length; row++) {
    if (!filled.some(({ values }) => Number.isNaN(values[row]!))) continue;
    rows.set(subscriptionKey(account(row), subscription(row)), row);
    accounts.add(account(row));
  }
  if (rows.size === 0) return measured;
  for (const scope of pagesOfNamed(accounts))
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
