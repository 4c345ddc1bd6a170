import type { RecordBatch } from 'apache-arrow';
import { Batch } from '../columns/batch.js';
import type { FeatureCatalogue } from './catalogue.js';
import type { FeatureStore } from './feature-store.js';
import { FeatureValues } from './feature-values.js';
import type { Measure } from './measures/measure.js';
import type { FeatureQuestion } from './question.js';
import { readMeasured } from './read-measured.js';
import { readSentTypes, readSentTypesOfTimes, type SentTypes } from './sent-types.js';
import { isSent } from './usable.js';

/** Subscriptions with their features as of a time. */
export interface FeatureBatch {
  /**
   * A column for every feature, contract and history fact, beside account_id, subscription_id and as_of. Columns of features
   * say where they are applicable.
   */
  readonly batch: Batch;
  /** What the features are made of, as it came from the store; measures that nobody sends are not in it. */
  readonly values: FeatureValues;
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
  const { sent, measures } = await askedOf(store, catalogue, question, lane);
  for await (const { measured, arrow } of readMeasured({ store, catalogue, lane }, question, measures))
    yield featuresOf(catalogue, measured, arrow, sent);
}

/** The measures that a question asks the store for, and the signal types by which the others are left out: nobody sends theirs. */
export async function askedOf(
  store: FeatureStore,
  catalogue: FeatureCatalogue,
  question: FeatureQuestion,
  lane: 'serve' | 'batch',
): Promise<{ readonly sent: SentTypes; readonly measures: readonly Measure[] }> {
  const sent = await sentFor(store, question, lane);
  return { sent, measures: wantedMeasures(catalogue, question, sent) };
}

function featuresOf(
  catalogue: FeatureCatalogue,
  measured: Batch,
  arrow: RecordBatch,
  sent: SentTypes,
): FeatureBatch {
  const values = new FeatureValues(catalogue, measured, sent);
  const inner = new Set([
    ...catalogue.measures.map(({ name }) => name),
    'start',
    'plan_features',
    'observed_at',
    'implicit',
  ]);
  const facts = [...measured.columns].filter(([name]) => !inner.has(name));
  return { batch: new Batch(measured.length, new Map(facts)).with(values.columns()), values, arrow };
}

/** Which signal types count as sent for a question. */
function sentFor(
  store: FeatureStore,
  question: FeatureQuestion,
  lane: 'serve' | 'batch',
): Promise<SentTypes> {
  return 'observations' in question
    ? readSentTypesOfTimes(store, Math.max(...question.observations.map(({ asOf }) => asOf)))
    : readSentTypes(store, question.asOf, question.knownAt, lane);
}

/** The measures whose signals are sent at all: no others need to be looked for. */
function wantedMeasures(
  catalogue: FeatureCatalogue,
  question: FeatureQuestion,
  sent: SentTypes,
): readonly Measure[] {
  // What features in SQL name has to be there, and over many times one question would not do.
  if ('observations' in question || catalogue.features.some(({ sql }) => sql !== null))
    return catalogue.measures;
  return catalogue.measures.filter((measure) => isSent(measure, catalogue, sent, question.asOf));
}
