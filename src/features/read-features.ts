import type { RecordBatch } from 'apache-arrow';
import type { Batch } from '../columns/batch.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { PerennialError } from '../core/errors.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { FeatureCatalogue } from './catalogue.js';
import { FEATURE_SETTINGS, type FeatureQuestion, featureQuery, type Query } from './feature-sql.js';
import { inRange } from './in-range.js';

/** What reading features needs of the store: `store/store.ts` has it. */
export interface FeatureStore {
  arrow(
    sql: string,
    params: Query['params'],
    options: {
      readonly lane: 'serve' | 'batch';
      readonly settings: Readonly<Record<string, string | number>>;
    },
  ): AsyncGenerator<RecordBatch>;
  text(sql: string, params: Query['params'], options: { readonly lane: 'batch' }): Promise<string>;
}

/** Subscriptions with their features as of a time. */
export interface FeatureBatch {
  /** A column for every feature, contract and history fact, beside account_id and subscription_id. */
  readonly batch: Batch;
  /** The record batch it was read from, whose identity columns go into the store again as they are. */
  readonly arrow: RecordBatch;
}

/** Reads features as of a time, batch by batch, in the order of account and subscription. */
export async function* readFeatures(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
  question: FeatureQuestion,
  lane: 'serve' | 'batch' = 'batch',
): AsyncGenerator<FeatureBatch> {
  const { sql, params } = featureQuery(catalogue, question);
  for await (const arrow of store.arrow(sql, params, { lane, settings: FEATURE_SETTINGS })) {
    if (arrow.numRows > 0) yield { batch: inRange(batchFromArrow(arrow), catalogue), arrow };
  }
}

/**
 * Asks the engine whether it understands every expression of the catalogue. Each one that it does not is a Problem with its
 * place and the engine's own words.
 */
export async function checkFeatureSql(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
): Promise<readonly Problem[]> {
  if ((await refusal(store, catalogue)) === undefined) return [];
  const problems: Problem[] = [];
  const alone = { ...catalogue, features: [] };
  // One by one, each with the good ones above it: an aggregate may use those.
  const good = new Map<string, string>();
  for (const [name, sql] of catalogue.aggregates) {
    const why = await refusal(store, { ...alone, aggregates: new Map([...good, [name, sql]]) });
    if (why === undefined) good.set(name, sql);
    else problems.push(problemAt(catalogue.file, ['aggregates', name], 'sql', why));
  }
  if (problems.length > 0) return problems;
  for (const [i, feature] of catalogue.features.entries()) {
    const why = await refusal(store, { ...catalogue, features: [feature] });
    if (why !== undefined) problems.push(problemAt(catalogue.file, ['features', i, 'sql'], 'sql', why));
  }
  return problems;
}

/** Why the engine refuses the catalogue; undefined when it does not. */
async function refusal(store: FeatureStore, catalogue: FeatureCatalogue): Promise<string | undefined> {
  const { sql, params } = featureQuery(catalogue, { scope: { kind: 'accounts', accounts: [] }, asOf: 0 });
  try {
    await store.text(`EXPLAIN ${sql} FORMAT Null`, params, { lane: 'batch' });
    return undefined;
  } catch (thrown) {
    const error = PerennialError.from(thrown);
    if (error.code === 'unavailable') throw error;
    // Without the whole query, which the engine repeats.
    return error.message
      .replace(/^ClickHouse: /, '')
      .split(/[.:]? in (?:scope|query) (?:SELECT|WITH)/i, 1)[0]!
      .split(' Expected one of', 1)[0]!
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, 500);
  }
}
