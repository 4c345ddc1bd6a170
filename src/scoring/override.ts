import type { Batch } from '../columns/batch.js';
import type { Millis } from '../core/clock.js';
import { bandOf } from './band.js';
import { type Cards, probabilityOf, type Scores, textsOf } from './evaluate.js';
import { BANDS } from './scorecard.js';

/** What a person says that the risk of a subscription is, whatever is computed. */
export interface RiskOverride {
  readonly accountId: string;
  readonly subscriptionId: string;
  /** 0 to 100. */
  readonly risk: number;
  readonly reason: string;
  readonly author: string;
  readonly setAt: Millis;
  /** Not any more from then on. */
  readonly until: Millis;
}

/**
 * Scores with what people said instead of them: risk, and what follows from it alone, the band without hysteresis and the
 * probability. Contributions, coverage and the risks of categories stay as they were computed, and so does `computedRisk`.
 * `overrides`: by row.
 */
export function withOverrides(
  scoring: Cards,
  batch: Batch,
  scores: Scores,
  overrides: ReadonlyMap<number, RiskOverride>,
): Scores {
  if (overrides.size === 0) return scores;
  const [risk, band] = [scores.risk.values.slice(), scores.band.slice()];
  const probability = scores.renewalProbability.values.slice();
  const valid = scores.risk.valid!.clone();
  const segmentAt = textsOf(batch, 'segment');
  for (const [row, override] of overrides) {
    const card = scoring.scorecards[scores.scorecard[row]!]!;
    risk[row] = override.risk;
    // Who says so knows enough, whatever the features that are known.
    band[row] = BANDS.indexOf(bandOf(card, override.risk, 1, null));
    probability[row] = probabilityOf(card, segmentAt(row), override.risk);
    valid.add(row);
  }
  return {
    ...scores,
    band,
    risk: { kind: 'number', values: risk, valid },
    renewalProbability: { kind: 'number', values: probability, valid },
  };
}
