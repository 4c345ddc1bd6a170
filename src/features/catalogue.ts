import { z } from 'zod';
import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, problemAt, readYaml, type YamlFile } from '../core/yaml-file.js';
import { CATEGORIES } from '../signals/signal.js';
import { CONTRACT_FACTS, OUTCOME_FACTS, POPULATION_COLUMNS } from './population.js';

/** A feature speaks of one category of signals, or of the contract itself. */
export const FEATURE_CATEGORIES = [...CATEGORIES, 'contract'] as const;
export type FeatureCategory = (typeof FEATURE_CATEGORIES)[number];

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,63}$/,
    'expected lower case letters, digits and underscores, beginning with a letter',
  );
const bound = z.number().nullable();

export const featureSchema = z.strictObject({
  name: name.describe('Name; rules and scorecards use it.'),
  category: z
    .enum(FEATURE_CATEGORIES)
    .describe('The category it speaks of; decides the sub-score it counts in.'),
  type: z
    .enum(['number', 'boolean'])
    .default('number')
    .describe('number or boolean. In a scorecard booleans are 0 and 1.'),
  sql: z
    .string()
    .min(1)
    .describe('ClickHouse expression over the aggregates and the contract; NULL means not known.'),
  unit: z.string().default('').describe('Unit, for people.'),
  range: z
    .tuple([bound, bound])
    .default([null, null])
    .describe('Smallest and largest possible value; what lies beyond becomes the nearer one. null: none.'),
  description: z.string().min(1).describe('What it is, and when it is not known.'),
  reason: z
    .string()
    .min(1)
    .describe(
      'The value in words. {value:percent} {value:percent_plain} {value:days} {value:number} {value:signed} {value:yes_no|if 1|if 0}',
    ),
});
export type Feature = z.infer<typeof featureSchema>;

export const featuresFileSchema = z.strictObject({
  lookback_days: z
    .number()
    .int()
    .min(1)
    .max(4000)
    .describe('Signals older than this many days do not count.'),
  aggregates: z
    .record(name, z.string().min(1))
    .describe('Name to ClickHouse aggregate expression over the signals of one subscription.'),
  features: z
    .array(featureSchema)
    .min(1)
    .max(500)
    .describe('The features, in the order in which scores store them.'),
});

/** Everything in scoring/features.yaml, checked. */
export interface FeatureCatalogue {
  readonly lookbackDays: number;
  readonly aggregates: ReadonlyMap<string, string>;
  readonly features: readonly Feature[];
  /** Where it was read from, to name places in errors. */
  readonly file: YamlFile;
}

/** Reads a feature catalogue. Every mistake is a Problem with its place; the catalogue is undefined when there is one. */
export function readFeatureCatalogue(
  path: string,
  text: string,
): { catalogue: FeatureCatalogue | undefined; problems: readonly Problem[] } {
  const file = readYaml(path, text);
  const { data, problems } = checkYaml(file, featuresFileSchema);
  if (data === undefined) return { catalogue: undefined, problems };
  const found: Problem[] = [];
  const taken = new Map<string, string>(
    POPULATION_COLUMNS.map((column) => [column, 'a column of the contract']),
  );
  const claim = (word: string, what: string, at: readonly PropertyKey[]) => {
    const owner = taken.get(word);
    if (owner !== undefined)
      found.push(problemAt(file, at, 'duplicate-name', `\`${word}\` is already the name of ${owner}.`));
    taken.set(word, what);
  };
  for (const aggregate of Object.keys(data.aggregates))
    claim(aggregate, 'an aggregate', ['aggregates', aggregate]);
  for (const [i, feature] of data.features.entries())
    claim(feature.name, 'a feature', ['features', i, 'name']);
  if (found.length > 0) return { catalogue: undefined, problems: found };
  const aggregates = new Map(Object.entries(data.aggregates));
  return {
    catalogue: { lookbackDays: data.lookback_days, aggregates, features: data.features, file },
    problems: [],
  };
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
