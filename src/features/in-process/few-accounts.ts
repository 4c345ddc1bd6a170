import type { RecordBatch } from 'apache-arrow';
import type { Batch } from '../../columns/batch.js';
import { Bitset } from '../../columns/bitset.js';
import type { Column } from '../../columns/column.js';
import { batchFromArrow } from '../../columns/from-arrow.js';
import { textReader } from '../../columns/text-reader.js';
import { quoteText } from '../../core/sql-text.js';
import type { FeatureCatalogue } from '../feature.js';
import { FEATURE_SETTINGS } from '../feature-settings.js';
import type { FeatureStore } from '../feature-store.js';
import { numberColumn, numbersOf } from '../feature-values.js';
import { attributesRead, type Measure } from '../measures/measure.js';
import { inKeySql } from '../planner/branch-sql.js';
import { branchOf } from '../planner/branches.js';
import { CONTRACT_SQL, cancelIntentSql, cancelOutcomesSql } from '../planner/contract-sql.js';
import { presentSubscriptions, type Subscriptions } from '../planner/subscriptions.js';
import { accountsIn } from '../population.js';
import type { FeatureQuestion, PresentQuestion } from '../question.js';
import { conversionsOf, readsSignalsAlone } from './conversions.js';
import { JoinedSignals, type SignalColumns } from './joined-signals.js';
import { measureValues } from './measure-values.js';

/**
 * What the feature query gives for a few accounts: its measures computed here from their signals, since the engine takes a
 * hundred milliseconds of processor time to plan all of them in SQL, and the signals of an account are read in ten (ADR 0205).
 */
export interface Measured {
  readonly measured: Batch;
  readonly arrow: RecordBatch;
}

/** As many accounts, and signals, as take less time here than in SQL. */
const MOST_ACCOUNTS = 200;
const MOST_SIGNALS = 20_000;

/** Whether a question is about few enough accounts, and asks for nothing that is SQL itself. */
export function isAboutFew(
  question: FeatureQuestion,
  { measures, features }: FeatureCatalogue,
): question is PresentQuestion {
  return (
    'scope' in question &&
    (accountsIn(question.scope) ?? Number.POSITIVE_INFINITY) <= MOST_ACCOUNTS &&
    features.every(({ sql }) => sql === null) &&
    measures.every((measure) => measure.definition.op !== 'sql' && readsSignalsAlone(measure))
  );
}

/** Undefined: their signals are too many after all. */
export async function measureFew(
  store: FeatureStore,
  question: PresentQuestion,
  measures: readonly Measure[],
  lane: 'serve' | 'batch',
): Promise<readonly Measured[] | undefined> {
  const subscriptions = presentSubscriptions(question);
  const read = (sql: string) => readBatches(store, sql, subscriptions, lane);
  const [populations, ofSignals, intents] = await Promise.all([
    read(populationSql(subscriptions)),
    // Nobody sends anything that is asked for: then there is nothing to look for.
    measures.length === 0 ? [] : read(signalsSql(measures, subscriptions)),
    read(cancelIntents(subscriptions)),
  ]);
  const signals = signalColumns(measures, ofSignals);
  if (signals.length > MOST_SIGNALS) return undefined;
  const leaving = wantToLeave(intents);
  return populations
    .filter(({ numRows }) => numRows > 0)
    .map((arrow) => {
      const population = batchFromArrow(arrow);
      const joined = new JoinedSignals(signals, population, question.asOf);
      const columns = measures.map((measure): [string, Column] => [
        measure.name,
        numberColumn(measureValues(measure, joined), [null, null]),
      ]);
      return { arrow, measured: population.with([...columns, ['cancel_intent_open', leaving(population)]]) };
    });
}

async function readBatches(
  store: FeatureStore,
  sql: string,
  { params }: Subscriptions,
  lane: 'serve' | 'batch',
): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const arrow of store.arrow(sql, params, { lane, settings: FEATURE_SETTINGS }))
    batches.push(arrow);
  return batches;
}

function populationSql({ sql }: Subscriptions): string {
  return `SELECT account_id, subscription_id, as_of, observed_at, implicit, ${CONTRACT_SQL} FROM (${sql}) AS p ORDER BY sub_no`;
}

function signalsSql(measures: readonly Measure[], subscriptions: Subscriptions): string {
  const { scope, held } = subscriptions;
  const columns = [
    ...['account_id', 'subscription_id', 'type', 'category'],
    'toUnixTimestamp64Milli(occurred_at) AS at',
    'value',
    ...attributesOf(measures).map((name, i) => `attributes[${quoteText(name)}] AS a${i}`),
    ...conversionsOf(measures).map((sql, i) => `${sql} AS c${i}`),
  ];
  return `SELECT ${columns.join(', ')}
FROM signal_log FINAL
PREWHERE ${scope} AND ${inKeySql(branchOf(measures), subscriptions)}
WHERE ${held}
LIMIT ${MOST_SIGNALS + 1}`;
}

function attributesOf(measures: readonly Measure[]): readonly string[] {
  return [...new Set(measures.flatMap((measure) => [...attributesRead(measure)]))].sort();
}

function signalColumns(measures: readonly Measure[], found: readonly RecordBatch[]): SignalColumns {
  const batches = found.map(batchFromArrow);
  const length = batches.reduce((sum, batch) => sum + batch.length, 0);
  const texts = (name: string) =>
    batches.flatMap((batch) => {
      const textAt = textReader(batch, name);
      return Array.from({ length: batch.length }, (_, row) => textAt(row));
    });
  const numbers = (name: string) => {
    const all = new Float64Array(length);
    let from = 0;
    for (const batch of batches) {
      all.set(numbersOf(batch.column(name)), from);
      from += batch.length;
    }
    return all;
  };
  return {
    length,
    accounts: texts('account_id'),
    subscriptions: texts('subscription_id'),
    types: texts('type'),
    categories: texts('category'),
    at: numbers('at'),
    value: numbers('value'),
    attributes: new Map(attributesOf(measures).map((name, i) => [name, texts(`a${i}`)])),
    converted: new Map(conversionsOf(measures).map((sql, i) => [sql, numbers(`c${i}`)])),
  };
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
      JSON.stringify([account!(row), subscription!(row)]),
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
