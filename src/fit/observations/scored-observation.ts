import type { Batch } from '../../columns/batch.js';
import { valueAt } from '../../columns/column.js';
import { type Cards, evaluateScorecards } from '../../scoring/evaluate.js';
import { BANDS, type Band } from '../../scoring/scorecard.js';
import type { Observation } from './observation.js';

/** An observation with what a scorecard made of it. */
export interface ScoredObservation extends Observation {
  readonly scorecard: string;
  /** What the scorecard made of what is known, whatever the band. */
  readonly risk: number;
  readonly band: Band;
  /** That the contract is not renewed; null where too little is known. */
  readonly probability: number | null;
  /** Empty: not known. */
  readonly segment: string;
  readonly arrMinor: number | null;
  /** Empty: not known. */
  readonly currency: string;
}

export function scoreObservations(
  scoring: Cards,
  batch: Batch,
  observations: readonly Observation[],
): ScoredObservation[] {
  const scores = evaluateScorecards(scoring, batch);
  const at = (name: string, row: number) => {
    const column = batch.columns.get(name);
    return column === undefined ? null : valueAt(column, row);
  };
  return observations.map((observation, row): ScoredObservation => {
    const renews = valueAt(scores.renewalProbability, row) as number | null;
    return {
      ...observation,
      scorecard: scoring.scorecards[scores.scorecard[row]!]!.name,
      risk: scores.computedRisk[row]!,
      band: BANDS[scores.band[row]!]!,
      probability: renews === null ? null : 1 - renews,
      segment: (at('segment', row) as string | null) ?? '',
      arrMinor: at('arr_minor', row) as number | null,
      currency: (at('currency', row) as string | null) ?? '',
    };
  });
}
