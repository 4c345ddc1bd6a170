import type { RecordBatch } from 'apache-arrow';
import type { Batch } from '../../columns/batch.js';
import { Bitset } from '../../columns/bitset.js';
import type { Column } from '../../columns/column.js';
import { batchFromArrow } from '../../columns/from-arrow.js';
import { textReader } from '../../columns/text-reader.js';
import { subscriptionKey } from '../../core/identity.js';
import { Turns } from '../../core/turns.js';
import type { FeatureCatalogue } from '../feature.js';
import { FEATURE_SETTINGS } from '../feature-settings.js';
import type { FeatureStore } from '../feature-store.js';
import { numberColumn } from '../feature-values.js';
import type { Measure } from '../measures/measure.js';
import { cancelIntentSql, cancelOutcomesSql } from '../planner/contract-sql.js';
import { presentSubscriptions, type Subscriptions } from '../planner/subscriptions.js';
import { accountCount } from '../population.js';
import type { FeatureQuestion, PresentQuestion } from '../question.js';
import { readsSignalsAlone } from './conversions.js';
import { runningOf } from './few-subscriptions.js';
import { JoinedSignals } from './joined-signals.js';
import { measureValues } from './measure-values.js';
import { signalColumns, signalsSql } from './signal-columns.js';

/**
 * What the feature query gives for a few accounts: its measures computed here from their signals, since the engine takes a
 * hundred milliseconds of processor time to plan all of them in SQL, and the signals of an account are read in ten (ADR 0205).
 */
export interface Measured {
  readonly measured: Batch;
  readonly arrow: RecordBatch;
}

/** As many accounts, signals, and pairs of a signal and a subscription it speaks of, as take less time here than in SQL. */
const MOST_ACCOUNTS = 200;
const MOST_SIGNALS = 20_000;
const MOST_PAIRS = 50_000;

/** To hand a few rows from thread to thread takes longer than to read them. */
const FEW_SETTINGS = { ...FEATURE_SETTINGS, max_threads: 1 } as const;

/** Whether a question is about few enough accounts, and asks for nothing that is SQL itself. */
export function isAboutFew(
  question: FeatureQuestion,
  { measures, features }: FeatureCatalogue,
): question is PresentQuestion {
  return (
    'scope' in question &&
    (accountCount(question.scope) ?? Number.POSITIVE_INFINITY) <= MOST_ACCOUNTS &&
    features.every(({ sql }) => sql === null) &&
    measures.every((measure) => measure.definition.op !== 'sql' && readsSignalsAlone(measure))
  );
}

/** Undefined: their signals, or what these speak of, are too many after all. */
export async function measureFew(
  store: FeatureStore,
  question: PresentQuestion,
  measures: readonly Measure[],
  lane: 'serve' | 'batch',
): Promise<readonly Measured[] | undefined> {
  const subscriptions = presentSubscriptions(question);
  const read = (sql: string) => readBatches(store, sql, subscriptions, lane);
  const [running, ofSignals, intents] = await Promise.all([
    runningOf(question, read),
    // Nobody sends anything that is asked for: then there is nothing to look for.
    measures.length === 0 ? [] : read(signalsSql(measures, subscriptions, MOST_SIGNALS + 1)),
    read(cancelIntents(subscriptions)),
  ]);
  if (ofSignals.reduce((sum, { numRows }) => sum + numRows, 0) > MOST_SIGNALS || running === undefined)
    return undefined;
  const turns = new Turns();
  const signals = signalColumns(measures, await turns.map(ofSignals, batchFromArrow));
  const leaving = wantToLeave(intents);
  const found: Measured[] = [];
  for (const { population, arrow } of running) {
    const joined = JoinedSignals.join(signals, population, question.asOf, MOST_PAIRS);
    if (joined === undefined) return undefined;
    const columns = await turns.map(measures, (measure): [string, Column] => [
      measure.name,
      numberColumn(measureValues(measure, joined), [null, null]),
    ]);
    found.push({
      arrow,
      measured: population.with([...columns, ['cancel_intent_open', leaving(population)]]),
    });
  }
  return found;
}

async function readBatches(
  store: FeatureStore,
  sql: string,
  { params }: Subscriptions,
  lane: 'serve' | 'batch',
): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const arrow of store.arrow(sql, params, { lane, settings: FEW_SETTINGS })) batches.push(arrow);
  return batches;
}

function cancelIntents(subscriptions: Subscriptions): string {
  return `SELECT account_id, subscription_id, ${cancelIntentSql('occurred_at')}
FROM outcome_log FINAL WHERE ${cancelOutcomesSql(subscriptions)} AND ${subscriptions.held}
GROUP BY account_id, subscription_id HAVING cancel_intent`;
}

/** Which subscriptions said that they want to leave, as a column. */
function wantToLeave(found: readonly RecordBatch[]): (population: Batch) => Column {
  const keysOf = (batch: Batch) => {
    const [account, subscription] = ['account_id', 'subscription_id'].map((name) => textReader(batch, name));
    return Array.from({ length: batch.length }, (_, row) =>
      subscriptionKey(account!(row), subscription!(row)),
    );
  };
  const leaving = new Set(found.flatMap((arrow) => keysOf(batchFromArrow(arrow))));
  return (population) => {
    const values = new Bitset(population.length);
    keysOf(population).forEach((key, row) => {
      if (leaving.has(key)) values.add(row);
    });
    return { kind: 'boolean', values, valid: null };
  };
}
