import { missingBin } from '../bins/bins.js';
import { FEWEST_MISSING, type Layout } from './layout.js';
import { expand, LEAST_STRENGTH, MOST_STRENGTH, spread } from './penalised-fit.js';
import { logDeterminant, symmetricInverse } from './symmetric-inverse.js';
import { type WorkingModel, workingModel } from './working-model.js';

/** A model in which numbers have straight effects, all shrunk alike: of many weak features none has to speak for itself. */
export interface StraightFit {
  /** Intercept and what each bin adds to the logit. */
  readonly effects: Float64Array;
  /** Information by bin: how much the data say about its effect. */
  readonly binInformation: Float64Array;
  readonly degreesOfFreedom: number;
  /** Log likelihood of the base rate. */
  readonly baseLogLikelihood: number;
  /** Twice the logarithm of the Bayes factor for it, against the base rate. */
  readonly evidence: number;
  /** The same for each feature beside all others. */
  readonly evidenceOf: Float64Array;
}

const FIRST_STRENGTH = 20;
const MOST_ROUNDS = 30;
/** Strengths are looked for so often in each round. */
const STEPS = 5;
/** Coefficients that move by less than this have been found. */
const SETTLED = 1e-3;

/** By restricted maximum likelihood, as `penalisedFit`: one strength for all slopes, one for all texts and missing values. */
export function straightFit(layout: Layout, label: Uint8Array): StraightFit {
  const terms = termsOf(layout);
  const coefficients = new Float64Array(layout.coefficients);
  const positives = label.reduce((sum, one) => sum + one, 0);
  coefficients[0] = Math.log(positives / (label.length - positives));
  let strengths = [FIRST_STRENGTH, FIRST_STRENGTH];
  let base = 0;
  for (let round = 0; ; round++) {
    const model = workingModel(layout, label, spread(layout, coefficients), label.length);
    if (round === 0) base = model.logLikelihood;
    const solution = solve(layout, terms, model, coefficients, strengths);
    strengths = solution.strengths;
    let moved = 0;
    terms.forEach(({ place }, i) => {
      moved = Math.max(moved, Math.abs(solution.found[i]! - coefficients[place]!));
      coefficients[place] = solution.found[i]!;
    });
    if (moved <= SETTLED || round >= MOST_ROUNDS) {
      const { information, logLikelihood } = model;
      return {
        effects: spread(layout, coefficients),
        baseLogLikelihood: base,
        binInformation: Float64Array.from(
          { length: layout.bins },
          (_, i) => information[i * layout.bins + i]!,
        ),
        ...judged(layout, terms, solution, 2 * (logLikelihood - base)),
      };
    }
  }
}

/** A coefficient of the model: its place in the layout, and which strength shrinks it; the intercept has none. */
interface Term {
  readonly place: number;
  readonly feature: number;
  readonly group: 0 | 1 | null;
}

function termsOf({ features, first, slope }: Layout): Term[] {
  const terms: Term[] = [{ place: 0, feature: -1, group: null }];
  features.forEach(({ bins, rows }, feature) => {
    const missing = missingBin(bins);
    if (slope[feature]! >= 0) terms.push({ place: slope[feature]!, feature, group: 0 });
    rows.forEach((count, bin) => {
      const fewest = bins.kind === 'number' && bin === missing ? FEWEST_MISSING : 1;
      if ((slope[feature]! < 0 || bin === missing) && count >= fewest)
        terms.push({ place: first[feature]! + bin, feature, group: 1 });
    });
  });
  return terms;
}

interface Solution {
  readonly found: Float64Array;
  readonly covariance: Float64Array;
  readonly strengths: number[];
}

/** Coefficients and strengths that fit one another, around a working model. */
function solve(
  layout: Layout,
  terms: readonly Term[],
  model: WorkingModel,
  coefficients: Float64Array,
  begin: readonly number[],
): Solution {
  const { score, information } = expand(layout, model);
  const size = terms.length;
  const system = new Float64Array(size * size);
  const target = new Float64Array(size);
  terms.forEach(({ place }, i) => {
    target[i] = score[place]!;
    terms.forEach((other, j) => {
      const value = information[place * layout.coefficients + other.place]!;
      system[i * size + j] = value;
      target[i]! += value * coefficients[other.place]!;
    });
  });
  const strengths = [...begin];
  for (let step = 0; ; step++) {
    const matrix = system.slice();
    terms.forEach(({ group }, i) => {
      if (group !== null) matrix[i * size + i]! += strengths[group]!;
    });
    const covariance = symmetricInverse(matrix, size);
    const found = target.map((_, i) =>
      target.reduce((sum, value, j) => sum + covariance[i * size + j]! * value, 0),
    );
    if (step === STEPS) return { found, covariance, strengths };
    for (const group of [0, 1] as const) {
      let [freedom, squares] = [0, 0];
      terms.forEach((term, i) => {
        if (term.group !== group) return;
        freedom += 1 - strengths[group]! * covariance[i * size + i]!;
        squares += found[i]! ** 2;
      });
      const next = Math.max(1e-9, freedom) / Math.max(1e-12, squares);
      strengths[group] = Math.min(MOST_STRENGTH, Math.max(LEAST_STRENGTH, next));
    }
  }
}

/** Savage and Dickey's ratios, of all coefficients together and of each feature. */
function judged(
  { features }: Layout,
  terms: readonly Term[],
  { found, covariance, strengths }: Solution,
  gain: number,
): Pick<StraightFit, 'degreesOfFreedom' | 'evidence' | 'evidenceOf'> {
  const size = terms.length;
  const own = (places: readonly number[]) =>
    Float64Array.from(places.flatMap((i) => places.map((j) => covariance[i * size + j]!)));
  const all = terms.map((_, i) => i).slice(1);
  let [degreesOfFreedom, evidence] = [0, gain + logDeterminant(own(all), all.length)];
  for (const i of all) {
    const strength = strengths[terms[i]!.group!]!;
    degreesOfFreedom += 1 - strength * covariance[i * size + i]!;
    evidence += Math.log(strength) - strength * found[i]! ** 2;
  }
  const evidenceOf = Float64Array.from(features, (_, feature) => {
    const places = all.filter((i) => terms[i]!.feature === feature);
    const count = places.length;
    if (count === 0) return 0;
    const inverse = symmetricInverse(own(places), count);
    let sum = logDeterminant(own(places), count);
    places.forEach((i, a) => {
      sum += Math.log(strengths[terms[i]!.group!]!);
      places.forEach((j, b) => {
        sum += found[i]! * inverse[a * count + b]! * found[j]!;
      });
    });
    return sum;
  });
  return { degreesOfFreedom, evidence, evidenceOf };
}
