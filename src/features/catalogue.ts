import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, readYaml, type YamlFile } from '../core/yaml-file.js';
import type { Expression } from './expression/expression.js';
import { type FeatureCategory, featuresFileSchema } from './feature-schema.js';
import type { LabelDefinition } from './labels.js';
import type { Measure } from './measures/measure.js';
import type { KnownTypes } from './measures/resolve-measure.js';
import { CONTRACT_FACTS, HISTORY_FACTS } from './population.js';
import { resolveCatalogue } from './resolve-catalogue.js';

export { FEATURE_CATEGORIES, type FeatureCategory } from './feature-schema.js';

export interface Feature {
  readonly name: string;
  readonly category: FeatureCategory;
  readonly type: 'number' | 'boolean';
  readonly unit: string;
  readonly range: readonly [number | null, number | null];
  readonly description: string;
  /** Template of the value in words. */
  readonly reason: string;
  /** Null: `sql` says what it is. */
  readonly value: Expression | null;
  readonly sql: string | null;
  /** The feature is not known where this does not hold. */
  readonly knownIf: Expression | null;
}

/** Everything in scoring/features.yaml, checked. */
export interface FeatureCatalogue {
  readonly lookbackDays: number;
  readonly sentWithinDays: number;
  readonly observeDays: number;
  readonly measures: readonly Measure[];
  /** Expressions that features share, each over measures and those before it. */
  readonly values: ReadonlyMap<string, Expression>;
  readonly features: readonly Feature[];
  readonly labels: ReadonlyMap<string, LabelDefinition>;
  /** Where it was read from, to name places in errors. */
  readonly file: YamlFile;
}

/**
 * Reads a feature catalogue. Every mistake is a Problem with its place; the catalogue is undefined when there is one. `known`:
 * what signals.yaml says, so that mistyped types and attributes are found; null: anything goes.
 */
export function readFeatureCatalogue(
  path: string,
  text: string,
  known: KnownTypes | null = null,
): { catalogue: FeatureCatalogue | undefined; problems: readonly Problem[] } {
  const file = readYaml(path, text);
  const { data, problems } = checkYaml(file, featuresFileSchema);
  return data === undefined ? { catalogue: undefined, problems } : resolveCatalogue(file, data, known);
}

/** The facts that the feature query gives to rules: features, the contract, and what was known before. */
export function featureFacts(catalogue: FeatureCatalogue): readonly Fact[] {
  const features = catalogue.features.map(
    (feature): Fact => ({
      name: feature.name,
      kind: feature.type,
      description: feature.description,
      unit: feature.unit,
      range: feature.range,
      values: null,
      origin: 'feature',
      optional: true,
    }),
  );
  return [...features, ...CONTRACT_FACTS, ...HISTORY_FACTS];
}
