import { bootstrapTimes, bootstrapWeights, type Groups, type Interval, intervalOf } from './bootstrap.js';
import { type CalibrationBin, calibrationBins, expectedCalibrationError } from './calibration-error.js';
import { areaUnderCurve, averagePrecision, rankingOf } from './ranking.js';

/** How good predictions are, by what then happened. */
export interface Judgement {
  readonly rows: number;
  readonly positives: number;
  readonly auc: number;
  /** 95 % interval by bootstrap over the groups. */
  readonly aucInterval: Interval;
  readonly averagePrecision: number;
  readonly logLoss: number;
  /** Of predicting the rate of these rows for everyone. */
  readonly baseLogLoss: number;
  readonly brier: number;
  readonly expectedCalibrationError: number;
  readonly calibration: readonly CalibrationBin[];
}

const LEAST_PROBABILITY = 1e-15;

/** `groups`: rows about the same account count together where intervals are made. */
export function judge(
  label: Uint8Array,
  probabilities: Float64Array,
  groups: Groups,
  seed: number,
): Judgement {
  const rows = label.length;
  const positives = label.reduce((sum, one) => sum + one, 0);
  const ranking = rankingOf(probabilities);
  const areas: number[] = [];
  for (const weights of bootstrapWeights(groups, bootstrapTimes(rows), seed))
    areas.push(areaUnderCurve(ranking, label, weights));
  const calibration = calibrationBins(label, probabilities);
  let [logLoss, brier] = [0, 0];
  probabilities.forEach((p, row) => {
    logLoss += logLossOf(label[row]!, p);
    brier += (p - label[row]!) ** 2;
  });
  const rate = positives / rows;
  return {
    rows,
    positives,
    auc: areaUnderCurve(ranking, label),
    aucInterval: intervalOf(areas),
    averagePrecision: averagePrecision(ranking, label),
    logLoss: logLoss / rows,
    baseLogLoss: rate * logLossOf(1, rate) + (1 - rate) * logLossOf(0, rate),
    brier: brier / rows,
    expectedCalibrationError: expectedCalibrationError(calibration),
    calibration,
  };
}

export function logLossOf(label: number, probability: number): number {
  const p = Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, probability));
  return label === 1 ? -Math.log(p) : -Math.log(1 - p);
}
