import { PerennialError } from '../core/errors.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { FeatureCatalogue } from './feature.js';
import { FEATURE_SETTINGS, featureQuery } from './feature-sql.js';
import type { FeatureStore } from './feature-store.js';

/**
 * Asks the engine whether it understands the expressions in SQL of a catalogue, each with the place of what it does not
 * understand and the engine's own words. Everything else in a catalogue is checked when it is read.
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
    const why = await refusal(store, { ...inner, measures: [measure] });
    if (why === undefined) continue;
    // One definition may make several measures.
    const key = Object.keys((catalogue.file.value as { measures: object }).measures).find((name) =>
      measure.name.startsWith(name),
    )!;
    problems.push(problemAt(catalogue.file, ['measures', key, 'sql'], 'sql', why));
  }
  if (problems.length > 0) return problems;
  for (const [i, feature] of catalogue.features.entries()) {
    if (feature.sql === null) continue;
    const why = await refusal(store, { ...catalogue, features: [feature] });
    if (why !== undefined) problems.push(problemAt(catalogue.file, ['features', i, 'sql'], 'sql', why));
  }
  return problems;
}

/** Why the engine refuses the catalogue; undefined when it does not. */
async function refusal(store: FeatureStore, catalogue: FeatureCatalogue): Promise<string | undefined> {
  const { sql, params } = featureQuery(catalogue, { scope: { kind: 'accounts', accounts: [] }, asOf: 0 });
  const settings = Object.entries(FEATURE_SETTINGS).map(([name, value]) => `${name} = ${value}`);
  try {
    await store.text(`EXPLAIN ${sql} SETTINGS ${settings.join(', ')} FORMAT Null`, params, { lane: 'batch' });
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
