import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { PValue } from '../statistics/association.js';
import { type Layout, type Penalty, sizeOf } from './layout.js';
import type { PenalisedFit } from './penalised-fit.js';
import { logDeterminant, symmetricInverse } from './symmetric-inverse.js';

/**
 * The evidence it takes for a feature among many: the more of them have nothing to do with the label, the more: half of what the
 * odds alone would ask, since features that go together count as many in the tests and as one in the model. The share of
 * those is estimated from the tests of each feature alone (Storey 2002, https://doi.org/10.1111/1467-9868.00346).
 */
export function evidenceNeeded(associations: readonly PValue[]): number {
  const unlikely = associations.filter((p) => p > 0.5).length;
  const idle = Math.min(1, (1 + unlikely) / (0.5 * associations.length));
  const odds = Math.max(1 / associations.length, (1 - idle) / idle);
  return Math.max(0, -Math.log(odds));
}

/** What the data say for or against a feature, beside all others. */
export interface Evidence {
  /** Place in the layout's features. */
  readonly feature: number;
  /** Twice the logarithm of the Bayes factor: above 0 for the feature, below 0 against it. */
  readonly evidence: number;
}

/**
 * Which features to leave out: one after the other the one with the least evidence, as long as the data do not speak for it as
 * much as it takes; the others take over what it said, so that of two features that say the same, one stays. Coefficients of
 * what is left out are set to 0 exactly within the working model, so no fit is needed in between.
 */
export function withoutEvidence(fit: PenalisedFit, needed = 0): { kept: Evidence[]; leftOut: Evidence[] } {
  const { layout } = fit;
  const coefficients = fit.coefficients.slice();
  const covariance = fit.covariance.slice();
  let kept = layout.features.map((_, feature) => feature);
  const leftOut: Evidence[] = [];
  for (;;) {
    const found = kept.map((feature) => ({
      feature,
      evidence: evidenceFor(feature, layout, fit.strengths, coefficients, covariance),
    }));
    const weakest = found.reduce<Evidence | undefined>(
      (least, one) => (least === undefined || one.evidence < least.evidence ? one : least),
      undefined,
    );
    if (weakest === undefined || weakest.evidence > needed) return { kept: found, leftOut };
    leftOut.push(weakest);
    kept = kept.filter((feature) => feature !== weakest.feature);
    takeOut(placesOf(layout, weakest.feature), coefficients, covariance, layout.coefficients);
  }
}

/**
 * Savage and Dickey's ratio: how much less likely an effect of 0 has become by the data, from prior to posterior, for the
 * contrasts that the feature's penalties are about.
 */
function evidenceFor(
  feature: number,
  { penalties, coefficients: size }: Layout,
  strengths: Float64Array,
  coefficients: Float64Array,
  covariance: Float64Array,
): number {
  let logPrior = 0;
  const contrasts: { places: readonly number[]; factors: readonly number[] }[] = [];
  penalties.forEach((penalty, i) => {
    if (penalty.feature !== feature) return;
    contrasts.push(...contrastsOf(penalty));
    logPrior += penalty.rank * Math.log(strengths[i]!);
  });
  const n = contrasts.length;
  const value = contrasts.map(({ places, factors }) =>
    places.reduce((sum, place, k) => sum + factors[k]! * coefficients[place]!, 0),
  );
  const posterior = Matrix.zeros(n, n);
  contrasts.forEach((a, i) => {
    contrasts.forEach((b, j) => {
      if (j > i) return;
      let sum = 0;
      a.places.forEach((p, k) => {
        b.places.forEach((q, l) => {
          sum += a.factors[k]! * b.factors[l]! * covariance[p * size + q]!;
        });
      });
      posterior.set(i, j, sum);
      posterior.set(j, i, sum);
    });
  });
  const cholesky = new CholeskyDecomposition(posterior);
  if (!cholesky.isPositiveDefinite()) return 0;
  const solved = cholesky.solve(Matrix.columnVector(value));
  const distance = value.reduce((sum, one, i) => sum + one * solved.get(i, 0), 0);
  let logDeterminant = 0;
  for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(cholesky.lowerTriangularMatrix.get(i, i));
  return distance + logDeterminant + logPrior;
}

/** Independent differences that a penalty says are 0, each of the same size a priori. */
function contrastsOf({ kind, places }: Penalty): { places: number[]; factors: number[] }[] {
  const all = [...places];
  switch (kind) {
    case 'ridge':
      return [{ places: all, factors: [1] }];
    case 'walk':
      return all.slice(1).map((place, i) => ({ places: [all[i]!, place], factors: [-1, 1] }));
    case 'group':
      // Helmert's: each against the mean of those before it.
      return all.slice(1).map((place, i) => {
        const scale = 1 / Math.sqrt((i + 1) * (i + 2));
        return {
          places: [...all.slice(0, i + 1), place],
          factors: [...Array.from({ length: i + 1 }, () => scale), -(i + 1) * scale],
        };
      });
  }
}

function placesOf({ features, first, slope }: Layout, feature: number): number[] {
  const places = Array.from({ length: features[feature]!.rows.length }, (_, bin) => first[feature]! + bin);
  if (slope[feature]! >= 0) places.push(slope[feature]!);
  return places;
}

/** Sets coefficients to 0 and lets the others answer: b - V K (b of those), V - V K V, with K the inverse of their own V. */
function takeOut(places: readonly number[], b: Float64Array, v: Float64Array, size: number): void {
  const count = places.length;
  const own = Float64Array.from({ length: count * count }, (_, i) => {
    const [row, column] = [places[Math.floor(i / count)]!, places[i % count]!];
    return v[row * size + column]!;
  });
  const inverse = symmetricInverse(own, count);
  const rows = places.map((place) => v.slice(place * size, (place + 1) * size));
  const gain = places.map((_, k) => {
    const row = new Float64Array(size);
    for (let l = 0; l < count; l++)
      for (let i = 0; i < size; i++) row[i]! += inverse[k * count + l]! * rows[l]![i]!;
    return row;
  });
  const was = places.map((place) => b[place]!);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < size; i++) {
      b[i]! -= gain[k]![i]! * was[k]!;
      const factor = rows[k]![i]!;
      for (let j = 0; j <= i; j++) v[i * size + j]! -= factor * gain[k]![j]!;
    }
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) v[j * size + i] = v[i * size + j]!;
  for (const place of places) b[place] = 0;
}

/** Twice the logarithm of the Bayes factor for all features of a fit together, against the base rate. */
export function evidenceOfAll(
  { layout, strengths, coefficients, covariance, logLikelihood }: PenalisedFit,
  baseLogLikelihood: number,
): number {
  const size = layout.coefficients;
  let evidence = 2 * (logLikelihood - baseLogLikelihood);
  const contrasts = layout.penalties.flatMap((penalty, i) => {
    evidence += penalty.rank * Math.log(strengths[i]!) - strengths[i]! * sizeOf(penalty, coefficients);
    return contrastsOf(penalty);
  });
  const own = new Float64Array(contrasts.length ** 2);
  contrasts.forEach((one, i) => {
    const row = new Float64Array(size);
    one.places.forEach((place, k) => {
      for (let j = 0; j < size; j++) row[j]! += one.factors[k]! * covariance[place * size + j]!;
    });
    contrasts.forEach(({ places, factors }, j) => {
      own[i * contrasts.length + j] = places.reduce((sum, place, k) => sum + factors[k]! * row[place]!, 0);
    });
  });
  return evidence + logDeterminant(own, contrasts.length);
}
