import type { z } from 'zod';
import type { Problem } from '../core/problem.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';
import { CONTRACT_FIELDS, FEATURE_NAMES } from './contract-fields.js';
import type { Expression, Kind } from './expression/expression.js';
import { ExpressionError, parseExpression } from './expression/parse-expression.js';
import { problemInExpression } from './expression/problem-in-expression.js';
import type { Feature, FeatureCatalogue } from './feature.js';
import type { featuresFileSchema } from './feature-schema.js';
import type { Measure } from './measures/measure.js';
import { type KnownTypes, resolveMeasures } from './measures/resolve-measure.js';
import { POPULATION_COLUMNS } from './population.js';

type FeaturesFile = z.infer<typeof featuresFileSchema>;

/** Ties names to what they name, and reads every expression. */
export function resolveCatalogue(
  file: YamlFile,
  data: FeaturesFile,
  known: KnownTypes | null,
): { catalogue: FeatureCatalogue | undefined; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const report = (path: readonly PropertyKey[], code: string, message: string, suggestion?: string) => {
    problems.push(problemAt(file, path, code, message, suggestion === undefined ? {} : { suggestion }));
  };
  const taken = new Map<string, string>(
    POPULATION_COLUMNS.map((column) => [column, 'a column of the contract']),
  );
  const claim = (word: string, what: string, at: readonly PropertyKey[]) => {
    const owner = taken.get(word);
    if (owner !== undefined) report(at, 'duplicate-name', `\`${word}\` is already the name of ${owner}.`);
    else taken.set(word, what);
  };

  const measures: Measure[] = [];
  for (const [name, definition] of Object.entries(data.measures)) {
    const at = ['measures', name];
    const resolved = resolveMeasures(name, definition, {
      lookbackDays: data.lookback_days,
      known,
      contract: CONTRACT_FIELDS,
      report: (path, message, suggestion) => report([...at, ...path], 'measure', message, suggestion),
      reportAt: (path, error) => problems.push(problemInExpression(file, [...at, ...path], error)),
    });
    for (const measure of resolved) claim(measure.name, 'a measure', at);
    measures.push(...resolved);
  }
  // What follows from a measure that is wrong need not be said.
  if (problems.length > 0) return { catalogue: undefined, problems };

  const names = new Map<string, Kind>([
    ...FEATURE_NAMES,
    ...measures.map(({ name, kind }): [string, Kind] => [name, kind]),
  ]);
  const expression = (
    path: readonly PropertyKey[],
    text: string,
    kinds: readonly Kind[],
  ): Expression | null => {
    try {
      return parseExpression(text, { names, attributes: null }, kinds);
    } catch (thrown) {
      if (!(thrown instanceof ExpressionError)) throw thrown;
      problems.push(problemInExpression(file, path, thrown));
      return null;
    }
  };

  const values = new Map<string, Expression>();
  for (const [name, text] of Object.entries(data.values)) {
    claim(name, 'a value', ['values', name]);
    const parsed = expression(['values', name], text, ['number', 'boolean', 'time']);
    if (parsed === null) continue;
    values.set(name, parsed);
    names.set(name, parsed.kind!);
  }

  const features = data.features.map(
    ({ value, sql, known_if: knownIf, actionable, ...feature }, i): Feature => {
      const at = ['features', i];
      claim(feature.name, 'a feature', [...at, 'name']);
      if ((value === undefined) === (sql === undefined))
        report(at, 'value-or-sql', `\`${feature.name}\` needs either a value or sql.`);
      return {
        ...feature,
        isActionable: actionable ?? feature.category !== 'contract',
        value: value === undefined ? null : expression([...at, 'value'], value, [feature.type]),
        sql: sql ?? null,
        knownIf: knownIf === undefined ? null : expression([...at, 'known_if'], knownIf, ['boolean']),
      };
    },
  );
  if (problems.length > 0) return { catalogue: undefined, problems };
  return {
    catalogue: {
      lookbackDays: data.lookback_days,
      sentWithinDays: data.sent_within_days,
      observeDays: data.observe_days,
      measures,
      values,
      features,
      labels: new Map(Object.entries(data.labels)),
      file,
    },
    problems,
  };
}
