import type { RecordBatch } from 'apache-arrow';
import type { Batch } from '../columns/batch.js';
import { sliceBatch } from '../columns/slice-batch.js';
import type { Millis } from '../core/clock.js';
import type { FeatureBatch } from '../features/read-features.js';
import { evaluateScorecards } from '../scoring/evaluate.js';
import type { Scoring } from '../scoring/load.js';
import { withOverrides } from '../scoring/override.js';
import type { ScoredBatch } from '../store/risk-rows.js';
import {
  arrAtRisk,
  type DecisionFacts,
  overridesByRow,
  previousPlaces,
  withPreviousRisk,
  withScoresAndDecisions,
} from './fact-batch.js';
import type { PastPage } from './past.js';

/** Rows that are scored in one go: some ten milliseconds of work, after which others get their turn. A multiple of 32. */
const SLICE_ROWS = 8_192;

/** Some subscriptions, scored, with every fact that rules may ask. */
export interface ScoredSlice {
  readonly scored: ScoredBatch;
  readonly facts: Batch;
  /** Where the rows have their risk before this one; -1: they have none. */
  readonly places: Int32Array;
}

/** Features of some subscriptions, with the record batch that they were read from. */
type Features = Pick<FeatureBatch, 'batch' | 'arrow'>;

/** A batch in slices, so that the event loop is never held for long. */
export function* slicesOf({ batch, arrow }: Features): Generator<Features> {
  for (let from = 0; from < batch.length; from += SLICE_ROWS) {
    const to = Math.min(batch.length, from + SLICE_ROWS);
    yield { batch: sliceBatch(batch, from, to), arrow: sliceArrow(arrow, from, to) };
  }
}

/**
 * From features to facts: the one way there is. Pure: the same features, past and scoring give the same scores and facts.
 */
export function scoreSlice(
  { batch, arrow }: Features,
  scoring: Scoring,
  past: PastPage,
  decisions: DecisionFacts,
  asOf: Millis,
): ScoredSlice {
  const places = previousPlaces(batch, past.risks);
  const withPast = withPreviousRisk(batch, past.risks, places, asOf);
  const overrides = overridesByRow(batch, past.overrides);
  const scores = withOverrides(scoring, withPast, evaluateScorecards(scoring, withPast), overrides);
  const atRisk = arrAtRisk(withPast, scores);
  return {
    scored: { batch: withPast, arrow, scores, arrAtRisk: atRisk, overrides },
    facts: withScoresAndDecisions(withPast, scores, atRisk, decisions, asOf),
    places,
  };
}

function sliceArrow(arrow: RecordBatch, from: number, to: number): RecordBatch {
  return from === 0 && to === arrow.numRows ? arrow : arrow.slice(from, to);
}
