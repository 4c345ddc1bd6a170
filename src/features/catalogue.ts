import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, readYaml } from '../core/yaml-file.js';
import type { FeatureCatalogue } from './feature.js';
import { featuresFileSchema } from './feature-schema.js';
import type { KnownTypes } from './measures/resolve-measure.js';
import { CONTRACT_FACTS, OUTCOME_FACTS } from './population.js';
import { resolveCatalogue } from './resolve-catalogue.js';

export type { FeatureCatalogue } from './feature.js';
export { FEATURE_CATEGORIES, type FeatureCategory } from './feature-schema.js';

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

/** The facts that the feature query gives to rules: features, the contract, and what outcomes say. */
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
  return [...features, ...CONTRACT_FACTS, ...OUTCOME_FACTS];
}
