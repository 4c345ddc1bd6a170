import { type Bins, missingBin } from '../bins/bins.js';
import { addPenalty, FEWEST_MISSING, type Layout, type Penalty, sizeOf, uncertaintyOf } from './layout.js';
import { symmetricInverse } from './symmetric-inverse.js';
import { type WorkingModel, workingModel } from './working-model.js';

/** An additive logistic model over bins, each penalty as strong as the data say. */
export interface PenalisedFit {
  readonly layout: Layout;
  /** Intercept, effects of bins, slopes. */
  readonly coefficients: Float64Array;
  /** The same with the slopes spread over the bins: intercept and what each bin adds to the logit. */
  readonly effects: Float64Array;
  /** How strongly each penalty shrinks: the inverse of the variance that the data give it. */
  readonly strengths: Float64Array;
  readonly covariance: Float64Array;
  /** Information by bin: how much the data say about its effect. */
  readonly binInformation: Float64Array;
  /** Effective number of parameters, the intercept aside. */
  readonly degreesOfFreedom: number;
  readonly logLikelihood: number;
}

const FIRST_STRENGTH = 5;
/** What penalties are kept within. The strongest leaves nothing of what it penalises. */
export const LEAST_STRENGTH = 0.05;
export const MOST_STRENGTH = 1e4;
const MOST_ROUNDS = 12;
/** Logits that move by less than this have been found. */
const SETTLED = 3e-3;
/** Strengths have settled when none is off by more than this factor, those that leave nothing aside. */
const SETTLED_FACTOR = 1.15;
const LEAVES_NOTHING = 500;
/** Rows that the first rounds look at: strengths, shapes and evidence need no more. */
export const SAMPLE = 100_000;

/**
 * Fits by restricted maximum likelihood: strengths of penalties by Fellner and Schall's iteration within Newton's for the
 * coefficients (Wood and Fasiolo 2017, https://doi.org/10.1111/biom.12666). A strength without bound takes an effect out.
 */
export function penalisedFit(layout: Layout, label: Uint8Array, allRows = true): PenalisedFit {
  let state: Solution = { ...beginning(layout, label), covariance: new Float64Array(0) };
  const sample = Math.min(SAMPLE, label.length);
  const stages = allRows && label.length > sample ? [sample, label.length] : [sample];
  for (const [stage, rows] of stages.entries()) {
    const fixed = fixedPenalty(layout, rows);
    for (let round = 0; ; round++) {
      const effects = spread(layout, state.coefficients);
      const model = workingModel(layout, label, effects, rows);
      const expanded = expand(layout, model);
      const target = targetOf(layout, expanded, state.coefficients);
      // On all rows, after a sample of them, only the coefficients are still to be found.
      const steps = stage > 0 ? 1 : 5;
      state = solve(layout, expanded.information, fixed, target, state.strengths, steps);
      const now = spread(layout, state.coefficients);
      if (largestChange(effects, now) > SETTLED && round < MOST_ROUNDS) continue;
      if (rows === stages.at(-1)) return finished(layout, state, now, model);
      break;
    }
  }
  throw new RangeError('there are no rows to fit');
}

interface Solution {
  readonly coefficients: Float64Array;
  readonly strengths: Float64Array;
  readonly covariance: Float64Array;
}

function finished(
  layout: Layout,
  state: Solution,
  effects: Float64Array,
  { information, logLikelihood }: WorkingModel,
): PenalisedFit {
  return {
    layout,
    ...state,
    effects,
    binInformation: Float64Array.from({ length: layout.bins }, (_, i) => information[i * layout.bins + i]!),
    degreesOfFreedom: degreesOfFreedom(layout, state.strengths, state.covariance),
    logLikelihood,
  };
}

function beginning(layout: Layout, label: Uint8Array): Pick<PenalisedFit, 'coefficients' | 'strengths'> {
  const positives = label.reduce((sum, one) => sum + one, 0);
  const coefficients = new Float64Array(layout.coefficients);
  coefficients[0] = Math.log(positives / (label.length - positives));
  return { coefficients, strengths: new Float64Array(layout.penalties.length).fill(FIRST_STRENGTH) };
}

/** Intercept and effect of each bin, with the slopes in them. */
export function spread({ features, first, bins, slope }: Layout, coefficients: Float64Array): Float64Array {
  const effects = coefficients.slice(0, bins);
  features.forEach(({ position }, i) => {
    if (position === null) return;
    const perUnit = coefficients[slope[i]!]!;
    for (let bin = 0; bin < position.length; bin++) effects[first[i]! + bin]! += perUnit * position[bin]!;
  });
  return effects;
}

/** Score and information by coefficient, from those by bin. */
export function expand(layout: Layout, { score, information }: WorkingModel) {
  const { features, first, bins, slope, coefficients: size } = layout;
  const allScores = new Float64Array(size);
  allScores.set(score);
  const all = new Float64Array(size * size);
  for (let row = 0; row < bins; row++)
    all.set(information.subarray(row * bins, (row + 1) * bins), row * size);
  features.forEach(({ position }, i) => {
    if (position === null) return;
    const at = slope[i]!;
    for (let bin = 0; bin < position.length; bin++) {
      const place = first[i]! + bin;
      const factor = position[bin]!;
      if (factor === 0) continue;
      allScores[at]! += factor * score[place]!;
      // Rows of slopes that came before have been filled in already.
      for (let column = 0; column < at; column++)
        all[at * size + column]! += factor * all[place * size + column]!;
    }
    for (let column = 0; column < at; column++) all[column * size + at] = all[at * size + column]!;
    for (let bin = 0; bin < position.length; bin++)
      all[at * size + at]! += position[bin]! * all[(first[i]! + bin) * size + at]!;
  });
  return { score: allScores, information: all };
}

/** What the normal equations have to come to: the score, moved to where the coefficients are 0. */
function targetOf(
  { coefficients: size }: Layout,
  { score, information }: { score: Float64Array; information: Float64Array },
  coefficients: Float64Array,
): Float64Array {
  const target = score.slice();
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let column = 0; column < size; column++)
      sum += information[row * size + column]! * coefficients[column]!;
    target[row]! += sum;
  }
  return target;
}

/** Holds a coefficient at 0. */
const NAILED = 1e6;

/** Whether nothing else says what the effect of a bin is: no penalty, and too few rows. */
function isOpen(bins: Bins, rows: Float64Array, bin: number): boolean {
  if (bins.kind === 'number') return bin === missingBin(bins) && rows[bin]! < FEWEST_MISSING;
  return rows[bin] === 0;
}

/** Keeps the mean effect of a feature at 0, which the intercept leaves open, and at 0 what nothing else is known of. */
function fixedPenalty({ features, first, coefficients: size }: Layout, rows: number): Float64Array {
  const matrix = new Float64Array(size * size);
  features.forEach(({ bins, rows: inBin, codes }, i) => {
    const from = first[i]!;
    for (let a = 0; a < inBin.length; a++) {
      const share = inBin[a]! / codes.length;
      for (let b = 0; b < inBin.length; b++)
        matrix[(from + a) * size + from + b]! += 0.1 * rows * share * (inBin[b]! / codes.length);
      if (isOpen(bins, inBin, a)) matrix[(from + a) * size + from + a]! += NAILED;
    }
  });
  for (let i = 1; i < size; i++) matrix[i * size + i]! += 1e-6;
  return matrix;
}

/** Coefficients and strengths that fit one another, with likelihood and information as they are. */
function solve(
  { penalties, coefficients: size }: Layout,
  information: Float64Array,
  fixed: Float64Array,
  target: Float64Array,
  begin: Float64Array,
  steps: number,
): Solution {
  let strengths = begin;
  const system = new Float64Array(size * size);
  for (let step = 1; ; step++) {
    for (let i = 0; i < system.length; i++) system[i] = information[i]! + fixed[i]!;
    penalties.forEach((penalty, i) => {
      addPenalty(penalty, strengths[i]!, system, size);
    });
    const covariance = symmetricInverse(system, size);
    const coefficients = times(covariance, target, size);
    if (step >= steps) return { coefficients, covariance, strengths };
    const next = strengths.map((strength, i) =>
      nextStrength(penalties[i]!, strength, coefficients, covariance, size),
    );
    const isSettled = next.every(
      (strength, i) =>
        Math.min(strength, strengths[i]!) > LEAVES_NOTHING ||
        Math.abs(Math.log(strength / strengths[i]!)) < Math.log(SETTLED_FACTOR),
    );
    if (isSettled) return { coefficients, covariance, strengths };
    strengths = next;
  }
}

/** Fellner and Schall's step, a little longer, since it falls short. */
function nextStrength(
  penalty: Penalty,
  strength: number,
  coefficients: Float64Array,
  covariance: Float64Array,
  size: number,
): number {
  const freedom = Math.max(1e-9, penalty.rank - strength * uncertaintyOf(penalty, covariance, size));
  const factor = freedom / Math.max(1e-12, sizeOf(penalty, coefficients)) / strength;
  const step = Math.min(3, Math.max(-3, 1.5 * Math.log(factor)));
  return Math.min(MOST_STRENGTH, Math.max(LEAST_STRENGTH, strength * Math.exp(step)));
}

function degreesOfFreedom(
  { penalties, coefficients: size }: Layout,
  strengths: Float64Array,
  covariance: Float64Array,
): number {
  return penalties.reduce(
    (sum, penalty, i) => sum + penalty.rank - strengths[i]! * uncertaintyOf(penalty, covariance, size),
    0,
  );
}

function times(matrix: Float64Array, vector: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let column = 0; column < size; column++) sum += matrix[row * size + column]! * vector[column]!;
    product[row] = sum;
  }
  return product;
}

function largestChange(before: Float64Array, after: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < before.length; i++) largest = Math.max(largest, Math.abs(after[i]! - before[i]!));
  return largest;
}
