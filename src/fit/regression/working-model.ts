import type { Layout } from './layout.js';

/** The log likelihood of the labels around some effects, up to its second derivatives. */
export interface WorkingModel {
  readonly logLikelihood: number;
  /** First derivatives by bin. */
  readonly score: Float64Array;
  /** Second derivatives, negative, bin by bin. */
  readonly information: Float64Array;
}

/**
 * Around the given effects: one for the intercept and one for each bin. `rows`: only the first so many, in canonical order, a
 * random sample.
 */
export function workingModel(
  { features, weights, first, bins }: Layout,
  label: Uint8Array,
  effects: Float64Array,
  rows: number,
): WorkingModel {
  const weight = new Float64Array(rows);
  const residual = new Float64Array(rows);
  const logLikelihood = logisticTerms({ features, weights, first }, label, effects, weight, residual);

  const score = new Float64Array(bins);
  const information = new Float64Array(bins * bins);
  for (let row = 0; row < rows; row++) {
    score[0]! += residual[row]!;
    information[0]! += weight[row]!;
  }
  features.forEach(({ codes, rows: { length } }, i) => {
    const from = first[i]!;
    for (let row = 0; row < rows; row++) {
      const bin = from + codes[row]!;
      score[bin]! += residual[row]!;
      information[bin * bins + bin]! += weight[row]!;
    }
    for (let bin = from; bin < from + length; bin++) {
      information[bin] = information[bin * bins + bin]!;
      information[bin * bins] = information[bin]!;
    }
    for (let j = 0; j < i; j++) {
      const other = features[j]!;
      const products = pairProducts(codes, length, other.codes, other.rows.length, weight);
      for (let a = 0; a < length; a++) {
        for (let b = 0; b < other.rows.length; b++) {
          const product = products[a * other.rows.length + b]!;
          information[(from + a) * bins + first[j]! + b] = product;
          information[(first[j]! + b) * bins + from + a] = product;
        }
      }
    }
  });
  return { logLikelihood, score, information };
}

/** Fills weights p (1 - p) and residuals y - p; returns the log likelihood. */
function logisticTerms(
  { features, weights, first }: Pick<Layout, 'features' | 'weights' | 'first'>,
  label: Uint8Array,
  effects: Float64Array,
  weight: Float64Array,
  residual: Float64Array,
): number {
  const logit = residual.fill(effects[0]!);
  features.forEach(({ codes }, i) => {
    const from = first[i]!;
    for (let row = 0; row < logit.length; row++) logit[row]! += effects[from + codes[row]!]!;
  });
  let sum = 0;
  for (let row = 0; row < logit.length; row++) {
    const z = logit[row]!;
    const p = 1 / (1 + Math.exp(-z));
    const counts = weights === null ? 1 : weights[row]!;
    sum -= counts * Math.log1p(Math.exp(label[row] === 1 ? -z : z));
    weight[row] = counts * p * (1 - p);
    residual[row] = counts * (label[row]! - p);
  }
  return sum;
}

/** Sums of weights by the bins of two features: in a small table of its own, which stays in the processor's first cache. */
function pairProducts(
  codes: Uint8Array,
  length: number,
  otherCodes: Uint8Array,
  otherLength: number,
  weight: Float64Array,
): Float64Array {
  const products = new Float64Array(length * otherLength);
  for (let row = 0; row < weight.length; row++)
    products[codes[row]! * otherLength + otherCodes[row]!]! += weight[row]!;
  return products;
}
