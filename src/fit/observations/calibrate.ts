import type { Calibration } from '../../scoring/calibration.js';
import { renewalProbability } from '../../scoring/calibration.js';
import { monotonePools } from '../bins/monotone.js';
import { hashedFolds, type Split } from '../folds.js';
import { groupsOf } from '../statistics/bootstrap.js';
import { calibrationBins, expectedCalibrationError } from '../statistics/calibration-error.js';
import { type Judgement, judge, logLossOf } from '../statistics/judge.js';
import type { ScoredObservation } from './scored-observation.js';

/** A calibration by outcomes, and what it is worth on observations that it has not seen. */
export interface CalibrationFit {
  readonly calibration: Calibration;
  readonly rows: number;
  readonly positives: number;
  readonly before: CalibrationError;
  readonly after: CalibrationError;
}

export interface CalibrationError {
  readonly logLoss: number;
  readonly expectedCalibrationError: number;
}

/** Fewer of either outcome, and a calibration would be chance. */
export const FEWEST_OUTCOMES = 30;
/** Fewer, and a table would be. */
const FEWEST_FOR_TABLE = 300;
const FOLDS = 5;

type Known = Pick<ScoredObservation, 'risk' | 'label' | 'accountId'> & { readonly probability: number };

/**
 * A pair, or where there are enough outcomes and it is better on unseen accounts, a table. Null where there are too few
 * outcomes.
 */
export function calibrate(all: readonly ScoredObservation[], seed: number): CalibrationFit | null {
  const rows = all.filter((one): one is ScoredObservation & Known => one.probability !== null);
  const positives = rows.filter(({ label }) => label === 1).length;
  if (Math.min(positives, rows.length - positives) < FEWEST_OUTCOMES) return null;
  const kinds = [pairFor, ...(positives >= FEWEST_FOR_TABLE ? [tableFor] : [])];
  const unseen = kinds.map((kind) => errorOf(rows, unseenProbabilities(rows, kind, seed)));
  const best = unseen.reduce((least, error, i) => (error.logLoss < unseen[least]!.logLoss ? i : least), 0);
  return {
    calibration: kinds[best]!(rows),
    rows: rows.length,
    positives,
    before: errorOf(
      rows,
      rows.map(({ probability }) => probability),
    ),
    after: unseen[best]!,
  };
}

/**
 * What a scorecard is worth on the rows of splits, when it is calibrated by the others: beside a model that was fitted in the same
 * splits. Where too little is known of a row, or too few outcomes are there to calibrate by, it has the base rate.
 */
export function judgeCalibrated(
  all: readonly ScoredObservation[],
  splits: readonly Split[],
  seed: number,
): Judgement | null {
  const rows: ScoredObservation[] = [];
  const probabilities: number[] = [];
  for (const { train, test } of splits) {
    if (train.length === 0) continue;
    const training = Array.from(train, (row) => all[row]!);
    const baseRate = mean(training.map(({ label }) => label));
    const calibration = calibrate(training, seed)?.calibration ?? null;
    for (const row of test) {
      const { risk, probability } = all[row]!;
      rows.push(all[row]!);
      const isKnown = calibration !== null && probability !== null;
      probabilities.push(isKnown ? 1 - renewalProbability(calibration, risk) : baseRate);
    }
  }
  const label = Uint8Array.from(rows, (row) => row.label);
  const positives = label.reduce((sum, one) => sum + one, 0);
  if (positives === 0 || positives === rows.length) return null;
  const accounts = groupsOf(
    rows.map(({ accountId }) => accountId),
    rows.length,
  );
  return judge(label, Float64Array.from(probabilities), accounts, seed);
}

function unseenProbabilities(
  rows: readonly Known[],
  calibrationFor: (rows: readonly Known[]) => Calibration,
  seed: number,
): number[] {
  const found = new Array<number>(rows.length).fill(0);
  const label = Uint8Array.from(rows, (row) => row.label);
  const keys = rows.map(({ accountId }) => accountId);
  for (const { train, test } of hashedFolds(keys, label, FOLDS, seed)) {
    if (train.length === 0) continue;
    const calibration = calibrationFor(Array.from(train, (i) => rows[i]!));
    for (const i of test) found[i] = 1 - renewalProbability(calibration, rows[i]!.risk);
  }
  return found;
}

function errorOf(rows: readonly Known[], probabilities: readonly number[]): CalibrationError {
  const label = Uint8Array.from(rows, (row) => row.label);
  const loss = probabilities.reduce((sum, p, i) => sum + logLossOf(label[i]!, p), 0);
  return {
    logLoss: loss / rows.length,
    expectedCalibrationError: expectedCalibrationError(
      calibrationBins(label, Float64Array.from(probabilities)),
    ),
  };
}

/** Higher risk never makes renewal likelier: a slope below this is none. */
const LEAST_SLOPE = 1e-6;

/** Platt's scaling: a logistic regression of the label on the risk, by Newton's steps. */
function pairFor(rows: readonly Known[]): Calibration {
  const mean = rows.reduce((sum, { risk }) => sum + risk, 0) / rows.length;
  const positives = rows.reduce((sum, { label }) => sum + label, 0);
  const base = Math.log((positives + 0.5) / (rows.length - positives + 0.5));
  let a = base;
  let b = 0;
  for (let step = 0; step < 50; step++) {
    let g0 = 0;
    let g1 = -1e-6 * b;
    let h00 = 1e-9;
    let h01 = 0;
    let h11 = 1e-6;
    for (const { risk, label } of rows) {
      const x = risk - mean;
      const p = 1 / (1 + Math.exp(-(a + b * x)));
      const weight = p * (1 - p);
      g0 += label - p;
      g1 += (label - p) * x;
      h00 += weight;
      h01 += weight * x;
      h11 += weight * x * x;
    }
    const determinant = h00 * h11 - h01 * h01;
    const moves = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant] as const;
    a += moves[0];
    b += moves[1];
    if (Math.abs(moves[0]) + Math.abs(moves[1]) < 1e-10) break;
  }
  const slope = Math.max(LEAST_SLOPE, rounded(b, 6));
  return { kind: 'logistic', a: rounded((b > LEAST_SLOPE ? a : base) - slope * mean, 6), b: slope };
}

const MOST_POINTS = 20;

/** Isotonic regression: rates of pools of risks, which never fall. */
function tableFor(rows: readonly Known[]): Calibration {
  const sorted = [...rows].sort((a, b) => a.risk - b.risk);
  const size = Math.max(1, Math.ceil(sorted.length / MOST_POINTS));
  const chunks = Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size),
  );
  const rates = chunks.map((chunk) => mean(chunk.map(({ label }) => label)));
  const weights = chunks.map(({ length }) => length);
  const starts = monotonePools(rates, weights, 'rising');
  const points = starts.map((start, i): [number, number] => {
    const pool = chunks.slice(start, starts[i + 1]).flat();
    const positives = pool.reduce((sum, { label }) => sum + label, 0);
    return [
      rounded(mean(pool.map(({ risk }) => risk)), 2),
      rounded((positives + 0.5) / (pool.length + 1), 4),
    ];
  });
  const rising = points.filter(([risk], i) => i === 0 || risk > points[i - 1]![0]);
  return rising.length >= 2 ? { kind: 'table', points: monotone(rising) } : pairFor(rows);
}

/** Half an outcome more in each pool may make small pools overtake large ones. */
function monotone(points: readonly [number, number][]): [number, number][] {
  let most = 0;
  return points.map(([risk, p]) => {
    most = Math.max(most, p);
    return [risk, most];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
