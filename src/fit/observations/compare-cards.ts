import {
  bootstrapTimes,
  bootstrapWeights,
  groupsOf,
  type Interval,
  intervalOf,
} from '../statistics/bootstrap.js';
import { logLossOf } from '../statistics/judge.js';
import { areaUnderCurve, rankingOf } from '../statistics/ranking.js';
import type { ScoredObservation } from './scored-observation.js';

/** Two scorecards on the same observations: the second less the first, with intervals of the differences. */
export interface CardComparison {
  readonly rows: number;
  readonly aucDifference: number;
  readonly aucInterval: Interval;
  readonly logLossDifference: number;
  readonly logLossInterval: Interval;
  /** What the intervals allow to say. */
  readonly verdict: 'first_better' | 'second_better' | 'no_difference' | 'not_enough_data';
}

/** Fewer positives, and no difference can be told from chance. */
const FEWEST_POSITIVES = 20;

/** `first` and `second`: the same observations in the same order. Only those count for which both have a probability. */
export function compareCards(
  first: readonly ScoredObservation[],
  second: readonly ScoredObservation[],
  seed: number,
): CardComparison {
  const places = [...first.keys()].filter(
    (i) => first[i]!.probability !== null && second[i]!.probability !== null,
  );
  const label = Uint8Array.from(places, (i) => first[i]!.label);
  const probabilities = [first, second].map((rows) =>
    Float64Array.from(places, (i) => rows[i]!.probability!),
  );
  const [one, other] = probabilities.map(rankingOf);
  const losses = probabilities.map((p) => p.map((value, i) => logLossOf(label[i]!, value)));
  const areas = (weights: Float64Array | null) =>
    areaUnderCurve(other!, label, weights) - areaUnderCurve(one!, label, weights);
  const lossDifference = losses[1]!.map((loss, i) => loss - losses[0]![i]!);
  const meanLoss = (weights: Float64Array | null) => {
    let sum = 0;
    let total = 0;
    lossDifference.forEach((difference, i) => {
      const weight = weights === null ? 1 : weights[i]!;
      sum += weight * difference;
      total += weight;
    });
    return sum / total;
  };
  const groups = groupsOf(
    places.map((i) => first[i]!.accountId),
    places.length,
  );
  const drawn: { area: number[]; loss: number[] } = { area: [], loss: [] };
  for (const weights of bootstrapWeights(groups, bootstrapTimes(places.length), seed)) {
    drawn.area.push(areas(weights));
    drawn.loss.push(meanLoss(weights));
  }
  const positives = label.reduce((sum, value) => sum + value, 0);
  const aucInterval = intervalOf(drawn.area);
  const logLossInterval = intervalOf(drawn.loss);
  return {
    rows: places.length,
    aucDifference: areas(null),
    aucInterval,
    logLossDifference: meanLoss(null),
    logLossInterval,
    verdict:
      Math.min(positives, label.length - positives) < FEWEST_POSITIVES
        ? 'not_enough_data'
        : verdictOf(aucInterval, logLossInterval),
  };
}

/** Better is who is better in one of the two and not worse in the other. */
function verdictOf(auc: Interval, logLoss: Interval): CardComparison['verdict'] {
  const [secondRanks, firstRanks] = [auc.low > 0, auc.high < 0];
  const [secondSays, firstSays] = [logLoss.high < 0, logLoss.low > 0];
  if ((secondRanks || secondSays) && !firstRanks && !firstSays) return 'second_better';
  if ((firstRanks || firstSays) && !secondRanks && !secondSays) return 'first_better';
  return 'no_difference';
}
