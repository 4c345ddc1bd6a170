import { PerennialError } from '../core/errors.js';
import { canonicalOrder } from './canonical-order.js';
import { type FittedCard, fittedCard } from './card.js';
import { crossValidate, type Predictions } from './cross-validate.js';
import { fitModel, type LeftOutFeature, type ModelFit } from './fit-model.js';
import { probabilityOf } from './fitted-model.js';
import { givenFolds, hashedFolds, type Split, timeFolds } from './folds.js';
import { type Shrinkage, shrinkageFor, shrunkBy, type Verdict } from './shrinkage.js';
import { groupsOf } from './statistics/bootstrap.js';
import { type Judgement, judge, logLossOf } from './statistics/judge.js';
import { type TrainingTable, takeRows } from './training-table.js';

export interface FitOptions {
  /** Rows about the same account, or null: each row for itself. */
  readonly groups: readonly string[] | null;
  /** When each row was observed: then later rows are predicted from earlier ones. */
  readonly times: Float64Array | null;
  /** When the outcome of each row was there: only then it teaches; null: at once. */
  readonly decided?: Float64Array | null;
  readonly folds: readonly string[] | null;
  readonly foldCount: number;
  readonly seed: number;
}

/** A scorecard fitted to outcomes, and what is to be thought of it. */
export interface ScorecardFit {
  readonly card: FittedCard;
  readonly fit: ModelFit;
  /** Of predictions by models that had not seen the rows. */
  readonly judgement: Judgement;
  readonly predictions: readonly Prediction[];
  /** Which rows were predicted from which, by their places in the table as it was given. */
  readonly splits: readonly Split[];
  /** How far the model was trusted; null: as it is. */
  readonly shrinkage: Shrinkage | null;
  readonly verdict: Verdict;
}

export interface Prediction {
  /** Place of the row in the table as it was given. */
  readonly row: number;
  readonly label: number;
  readonly probability: number;
  readonly fold: string;
}

/** From this on it is trusted as it is. */
const FULL_TRUST = 0.95;

/** Fits a scorecard. The order of the table's rows changes nothing. */
export function fitScorecard(given: TrainingTable, options: FitOptions): ScorecardFit {
  const order = canonicalOrder(given);
  const table = takeRows(given, order);
  const inOrder = <T>(values: ArrayLike<T>): T[] => Array.from(order, (row) => values[row]!);
  const groupNames = options.groups === null ? null : inOrder(options.groups);
  const { splits, times } = splitsOf(table, options, inOrder, groupNames);
  const placesOf = (rows: Int32Array) => rows.map((row) => order[row]!);
  const found = crossValidate(table, splits, times);
  if (found.rows.length === 0) throw nothingPredicted(options);
  const names = groupNames === null ? null : Array.from(found.rows, (row) => groupNames[row]!);
  const judgement = judge(found.label, found.probabilities, groupsOf(names, found.rows.length), options.seed);
  const fit = fitModel(table);
  const trusted = trustIn(fit, judgement, found, times !== null);
  const card = fittedCard(table, fit, trusted.shrinkage, trusted.verdict);
  return {
    card,
    fit:
      trusted.verdict === 'base_rate' ? fit : { ...fit, leftOut: [...fit.leftOut, ...weightless(fit, card)] },
    judgement,
    predictions: Array.from(found.rows, (row, i) => ({
      row: order[row]!,
      label: found.label[i]!,
      probability: found.probabilities[i]!,
      fold: found.folds[i]!,
    })),
    splits: splits.map(({ fold, train, test }) => ({ fold, train: placesOf(train), test: placesOf(test) })),
    ...trusted,
  };
}

/** Features of the model that came to no weight in the card. */
function weightless({ kept }: ModelFit, { features }: FittedCard): LeftOutFeature[] {
  const used = new Set(features.map(({ name }) => name));
  return kept
    .filter(({ fitted }) => !used.has(fitted.feature.name))
    .map(({ fitted: { feature } }) => ({ feature, reason: 'no_evidence', association: null }));
}

function splitsOf(
  table: TrainingTable,
  { folds, times, decided = null, foldCount, seed }: FitOptions,
  inOrder: <T>(values: ArrayLike<T>) => T[],
  groups: readonly string[] | null,
): { splits: readonly Split[]; times: Float64Array | null } {
  if (folds !== null) return { splits: givenFolds(inOrder(folds)), times: null };
  if (times !== null) {
    const observed = Float64Array.from(inOrder(times));
    const known = decided === null ? null : Float64Array.from(inOrder(decided));
    return { splits: timeFolds(observed, known, foldCount), times: observed };
  }
  const keys = groups ?? Array.from({ length: table.rows }, (_, row) => String(row));
  return { splits: hashedFolds(keys, table.label, foldCount, seed), times: null };
}

function nothingPredicted({ folds, times }: FitOptions): PerennialError {
  const why =
    folds !== null
      ? 'Of the folds, two at least have rows, or one beside `train`.'
      : times !== null
        ? 'Rows are predicted from what had been decided before them, and here nothing had.'
        : 'Rows of one group are never in two folds: two groups at least are needed.';
  return new PerennialError('invalid_argument', 'No row can be predicted by a model that has not seen it.', {
    hint: why,
  });
}

/** What shrinking has to be worth, as twice the log likelihood: it has two parameters. */
const SHRINKING_IS_WORTH = 4;

/** What predictions of unseen rows say about how far the model can be trusted. */
function trustIn(
  { model }: ModelFit,
  { logLoss, baseLogLoss, aucInterval }: Judgement,
  { label, logits }: Predictions,
  isOverTime: boolean,
): { shrinkage: Shrinkage | null; verdict: Verdict } {
  if (model.features.length === 0) return { shrinkage: null, verdict: 'base_rate' };
  const shrinkage = shrinkageFor(label, logits);
  if (shrinkage === null || shrinkage.slope >= FULL_TRUST)
    return { shrinkage: null, verdict: logLoss < baseLogLoss ? 'fitted' : 'base_rate' };
  const shrunkLoss = logits.reduce(
    (sum, logit, i) => sum + logLossOf(label[i]!, probabilityOf(shrunkBy(shrinkage, logit))),
    0,
  );
  // What drifts was shrunk by what the past said; a line through all predictions would be drawn with hindsight.
  const isWorse = logLoss >= baseLogLoss && (isOverTime || aucInterval.low <= 0.5);
  const gain = 2 * (label.length * baseLogLoss - shrunkLoss);
  return { shrinkage, verdict: gain > SHRINKING_IS_WORTH && !isWorse ? 'shrunk' : 'base_rate' };
}
