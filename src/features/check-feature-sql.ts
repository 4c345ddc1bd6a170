import { PerennialError } from '../core/errors.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { FeatureCatalogue } from './feature.js';
import { FEATURE_SETTINGS } from './feature-settings.js';
import { featureQuery, sqlFeatureColumn } from './feature-sql.js';
import type { FeatureStore } from './feature-store.js';
import { HOSTILE_ROWS, hostileColumn, hostileSignals } from './hostile-rows.js';
import type { Measure } from './measures/measure.js';
import type { Query } from './question.js';

/**
 * Asks the engine whether it understands the expressions in SQL of a catalogue, and has it compute them from values that nobody
 * thinks of: what throws for one subscription would keep all others from being scored. Each problem has its place and the
 * engine's own words. Everything else in a catalogue is checked when it is read.
 */
export async function checkFeatureSql(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
): Promise<readonly Problem[]> {
  const measures = catalogue.measures.filter(({ definition }) => definition.op === 'sql');
  const features = catalogue.features.filter(({ sql }) => sql !== null);
  if (measures.length + features.length === 0) return [];
  const problems: Problem[] = [];
  const inner = { ...catalogue, features: [] };
  for (const measure of measures) {
    const why =
      (await refusal(store, explained({ ...inner, measures: [measure] }))) ??
      (await failure(store, measureOfHostile(measure, 'GROUP BY n'))) ??
      (await failure(store, measureOfHostile(measure, '')));
    if (why === undefined) continue;
    // One definition may make several measures, each named after it and its window.
    const definitions = Object.keys((catalogue.file.value as { measures: object }).measures);
    const key = definitions.includes(measure.name)
      ? measure.name
      : measure.name.slice(0, measure.name.lastIndexOf('_'));
    problems.push(problemAt(catalogue.file, ['measures', key, 'sql'], 'sql', why));
  }
  if (problems.length > 0 || features.length === 0) return problems;
  const hostile = await hostileSubscriptions(store, inner);
  for (const [i, feature] of catalogue.features.entries()) {
    if (feature.sql === null) continue;
    const why =
      (await refusal(store, explained({ ...catalogue, features: [feature] }))) ??
      (await failure(store, { sql: `SELECT ${sqlFeatureColumn(feature)} FROM (${hostile})`, params: {} }));
    if (why !== undefined) problems.push(problemAt(catalogue.file, ['features', i, 'sql'], 'sql', why));
  }
  return problems;
}

function explained(catalogue: FeatureCatalogue): Query {
  const { sql, params } = featureQuery(catalogue, { scope: { kind: 'accounts', accounts: [] }, asOf: 0 });
  return { sql: `EXPLAIN ${sql}`, params };
}

function measureOfHostile({ definition }: Measure, grouped: string): Query {
  if (definition.op !== 'sql') throw new RangeError('only measures in SQL are checked');
  const names = [...definition.sql.matchAll(/attributes\['((?:[^'\\]|\\.)*)'\]/g)].map((match) => match[1]!);
  const sql = `SELECT toFloat64(${definition.sql}) FROM (${hostileSignals([...new Set(names)])}) ${grouped}`;
  return { sql, params: {} };
}

/** Subscriptions with such values, in the columns that features in SQL see. */
async function hostileSubscriptions(store: FeatureStore, catalogue: FeatureCatalogue): Promise<string> {
  const { sql, params } = featureQuery(catalogue, { scope: { kind: 'accounts', accounts: [] }, asOf: 0 });
  const columns = await store.rows<{ name: string; type: string }>(
    `DESCRIBE TABLE (${sql}) ${settings()}`,
    params,
    { lane: 'batch' },
  );
  const cells = columns.map(({ name, type }, i) => `${hostileColumn(type, i)} AS ${name}`);
  return `SELECT ${cells.join(', ')} FROM (SELECT number AS n FROM numbers(${HOSTILE_ROWS}))`;
}

/** Why the engine refuses a query; undefined when it does not. */
async function refusal(store: FeatureStore, { sql, params }: Query): Promise<string | undefined> {
  try {
    await store.text(`${sql} ${settings()} FORMAT Null`, params, { lane: 'batch' });
    return undefined;
  } catch (thrown) {
    const error = PerennialError.from(thrown);
    if (error.code === 'unavailable') throw error;
    // Without the whole query, which the engine repeats.
    return error.message
      .replace(/^ClickHouse: /, '')
      .split(/[.:]? in (?:scope|query) (?:SELECT|WITH)/i, 1)[0]!
      .split(/ Expected one of|: while executing/i, 1)[0]!
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, 500);
  }
}

/** Why a query fails on values that may come. */
async function failure(store: FeatureStore, query: Query): Promise<string | undefined> {
  const why = await refusal(store, query);
  return why === undefined
    ? undefined
    : `It fails on values that may come, and would keep everyone from being scored: ${why}`;
}

function settings(): string {
  return `SETTINGS ${Object.entries(FEATURE_SETTINGS)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ')}`;
}
