import { probabilityOf } from './fitted-model.js';

/** With which intercept the probabilities of rows with these logits sum to the number of positives. */
export function interceptFor(logits: Float64Array, positives: number, slope = 1): number {
  let intercept = 0;
  for (let step = 0; step < 60; step++) {
    let [sum, information] = [0, 0];
    for (const logit of logits) {
      const p = probabilityOf(intercept + slope * logit);
      sum += p;
      information += p * (1 - p);
    }
    const move = Math.min(2, Math.max(-2, (positives - sum) / Math.max(1e-12, information)));
    intercept += move;
    if (Math.abs(move) < 1e-10) break;
  }
  return intercept;
}
