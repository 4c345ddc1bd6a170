import { probabilityOf } from './fitted-model.js';
import { interceptFor } from './intercept.js';

/** What is made of a model's logit: intercept + slope * logit. */
export interface Shrinkage {
  readonly intercept: number;
  /** 0: everyone has the base rate; 1: as the model says. Never more. */
  readonly slope: number;
}

/** `base_rate`: nothing was found that tells rows apart, and the card says so by saying the same of everyone. */
export type Verdict = 'fitted' | 'shrunk' | 'base_rate';

/** Positives it takes to learn from predictions how far they can be trusted. */
const FEWEST_POSITIVES = 30;
/** As if so many pieces of information had said: as the model says. */
const PRIOR_INFORMATION = 5;

/** How far predictions of rows that a model had not seen were to be trusted; null where they are too few to say. */
export function shrinkageFor(label: Uint8Array, logits: Float64Array): Shrinkage | null {
  const positives = label.reduce((sum, one) => sum + one, 0);
  if (positives < FEWEST_POSITIVES || label.length - positives < FEWEST_POSITIVES) return null;
  let [intercept, slope] = [0, 1];
  for (let step = 0; step < 25; step++) {
    let [g0, g1] = [-PRIOR_INFORMATION * 0.01 * intercept, -PRIOR_INFORMATION * (slope - 1)];
    let [h00, h01, h11] = [PRIOR_INFORMATION * 0.01, 0, PRIOR_INFORMATION];
    logits.forEach((logit, row) => {
      const p = probabilityOf(intercept + slope * logit);
      const weight = p * (1 - p);
      g0 += label[row]! - p;
      g1 += (label[row]! - p) * logit;
      h00 += weight;
      h01 += weight * logit;
      h11 += weight * logit * logit;
    });
    const determinant = h00 * h11 - h01 * h01;
    const moves = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant] as const;
    intercept += moves[0];
    slope += moves[1];
    if (Math.abs(moves[0]) + Math.abs(moves[1]) < 1e-9) break;
  }
  if (slope >= 0 && slope <= 1) return { intercept, slope };
  const bounded = Math.min(1, Math.max(0, slope));
  return { intercept: interceptFor(logits, positives, bounded), slope: bounded };
}

export function shrunkBy({ intercept, slope }: Shrinkage, logit: number): number {
  return intercept + slope * logit;
}
