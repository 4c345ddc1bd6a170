import { valueAt } from '../../columns/column.js';
import { textReader } from '../../columns/text-reader.js';
import type { Feature, FeatureCatalogue } from '../feature.js';
import type { FeatureCategory } from '../feature-schema.js';
import type { FeatureStore } from '../feature-store.js';
import type { Measure } from '../measures/measure.js';
import { readFeatures } from '../read-features.js';
import { typeNames } from '../signal-types.js';
import { measuresOf } from '../usable.js';
import { windowInWords } from './signal-rulings.js';
import { type About, readSignalsBehind, type SignalsBehind } from './signals-behind.js';

/** A feature of a subscription as of a time, down to the signals that it rests on. */
export interface ExplainedFeature {
  readonly feature: string;
  readonly category: FeatureCategory;
  readonly description: string;
  readonly unit: string;
  /** Null: not known. */
  readonly value: number | boolean | null;
  /** Whether it can be known for anyone: false where nobody sends what it needs. */
  readonly applicable: boolean;
  /** As features.yaml says it. */
  readonly definition: string;
  readonly knownIf: string | null;
  readonly measures: readonly ExplainedMeasure[];
}

export interface ExplainedMeasure extends SignalsBehind {
  readonly measure: string;
  readonly op: string;
  readonly types: readonly string[];
  readonly window: string;
  /** A number, or of times milliseconds since 1970; null: not known. */
  readonly value: number | null;
  readonly kind: Measure['kind'];
}

/**
 * What the features of a subscription are made of. Undefined when the subscription does not run as of that time.
 * @param names Which features; empty: all.
 * @param most Signals to show of each measure.
 */
export async function explainFeatures(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
  about: About,
  names: readonly string[],
  most: number,
): Promise<readonly ExplainedFeature[] | undefined> {
  const scope = { kind: 'accounts', accounts: [about.accountId] } as const;
  for await (const { batch, values } of readFeatures(
    store,
    catalogue,
    { scope, asOf: about.asOf },
    'serve',
  )) {
    const subscription = textReader(batch, 'subscription_id');
    for (let row = 0; row < batch.length; row++) {
      if (subscription(row) !== about.subscriptionId) continue;
      const wanted = catalogue.features.filter(({ name }) => names.length === 0 || names.includes(name));
      const measures = [...new Set(wanted.flatMap((feature) => measuresOf(feature, catalogue)))];
      const behind =
        measures.length === 0
          ? new Map<string, SignalsBehind>()
          : await readSignalsBehind(store, measures, about, most);
      return wanted.map((feature): ExplainedFeature => {
        const column = batch.column(feature.name);
        return {
          feature: feature.name,
          category: feature.category,
          description: feature.description,
          unit: feature.unit,
          value: valueAt(column, row) as number | boolean | null,
          applicable: column.applicable?.has(row) ?? true,
          ...definitionOf(feature, catalogue),
          measures: measuresOf(feature, catalogue).map((measure): ExplainedMeasure => {
            const value = values.numbers(measure.name)[row]!;
            return {
              measure: measure.name,
              op: measure.definition.op,
              types: typeNames(measure.of),
              window: windowInWords(measure),
              kind: measure.kind,
              value: Number.isNaN(value) ? null : value,
              ...(behind.get(measure.name) ?? { count: 0, latest: [] }),
            };
          }),
        };
      });
    }
  }
  return undefined;
}

/** A feature in the words of its file. */
export function definitionOf(feature: Feature, catalogue: FeatureCatalogue) {
  const { features } = catalogue.file.value as {
    features: readonly { name: string; value?: string; sql?: string; known_if?: string }[];
  };
  const written = features.find(({ name }) => name === feature.name)!;
  return { definition: written.value ?? written.sql ?? '', knownIf: written.known_if ?? null };
}
