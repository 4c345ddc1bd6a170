import { valueAt } from '../columns/column.js';
import { missingBin } from './bins/bins.js';
import { mergeBins } from './bins/merge-bins.js';
import { monotonePools } from './bins/monotone.js';
import { type FittedFeature, type FittedModel, logitOf } from './fitted-model.js';
import { interceptFor } from './intercept.js';
import { type BinnedFeature, binFeature, binFeatures } from './regression/design.js';
import { evidenceNeeded, evidenceOfAll, withoutEvidence } from './regression/evidence.js';
import { layoutOf } from './regression/layout.js';
import { type PenalisedFit, penalisedFit, SAMPLE } from './regression/penalised-fit.js';
import { type StraightFit, straightFit } from './regression/straight-fit.js';
import { associationOf, combined, type PValue } from './statistics/association.js';
import { jointTrend } from './statistics/joint-trend.js';
import { countPositives, type TrainingFeature, type TrainingTable } from './training-table.js';

/** A model, and how it came about. */
export interface ModelFit {
  readonly model: FittedModel;
  readonly kept: readonly KeptFeature[];
  readonly leftOut: readonly LeftOutFeature[];
  /** Whether chance alone would give as much of a connection with the label. */
  readonly chance: PValue;
  /** Effective number of parameters. */
  readonly degreesOfFreedom: number;
}

export interface KeptFeature {
  readonly fitted: FittedFeature;
  /** Twice the logarithm of the Bayes factor for it, beside all others. */
  readonly evidence: number;
  /** Rows and positives by bin, those of the model. */
  readonly rows: Float64Array;
  readonly positives: Float64Array;
}

export interface LeftOutFeature {
  readonly feature: Pick<TrainingFeature, 'name' | 'title'>;
  readonly reason: 'constant' | 'too_rare' | 'no_signal_at_all' | 'no_evidence';
  /** Whether it has to do with the label when looked at alone. */
  readonly association: PValue | null;
}

/** Above it, what the features say about the label is no more than chance would make them say. */
const CHANCE = 0.05;
/** What a bin of the card has to be worth, as twice the log likelihood. */
const BIN_IS_WORTH = 0.05;

/** Fits a model to a table whose rows stand in canonical order. */
export function fitModel(table: TrainingTable): ModelFit {
  const { binned, constant } = binFeatures(table);
  const unsaid = constant.map(
    (feature): LeftOutFeature => ({
      feature,
      reason: isConstant(feature, table.rows) ? 'constant' : 'too_rare',
      association: null,
    }),
  );
  const associations = binned.map(associationOf);
  const chance = combined([combined(associations), jointTrend(binned, table.label)]);
  const baseRate = countPositives(table.label) / table.rows;
  if (!(chance <= CHANCE) || baseRate === 0 || baseRate === 1) {
    const nothing = binned.map(
      ({ feature }, i): LeftOutFeature => ({
        feature,
        reason: 'no_signal_at_all',
        association: associations[i]!,
      }),
    );
    return {
      model: { intercept: logitOf(baseRate), features: [] },
      kept: [],
      leftOut: [...unsaid, ...nothing],
      chance,
      degreesOfFreedom: 0,
    };
  }
  const candidates = mostAssociated(binned, associations);
  // Of many rows a sample, the first in canonical order, says what to leave out.
  const all = penalisedFit(layoutOf(candidates, table.weights), table.label, false);
  const isWhole = table.rows <= SAMPLE;
  const { kept, leftOut } = withoutEvidence(all, evidenceNeeded(associations));
  const features = kept.map(({ feature }) => candidates[feature]!);
  const fit = fitMonotone(features, table, isWhole && leftOut.length === 0 ? all : null);
  const straight = isWhole && hasNoDirections(candidates) ? straightFit(all.layout, table.label) : null;
  const trust = straight === null ? 1 : trustInBins(fit, straight, candidates.length);
  if (straight !== null && trust < NEARLY_ALL) {
    const { model, merged } = modelOf(blended(all, fit, straight, trust), table);
    return {
      model,
      kept: merged.map((one, i) => ({ ...one, evidence: straight.evidenceOf[i]! })),
      leftOut: [
        ...unsaid,
        ...binned.flatMap((one, i): LeftOutFeature[] =>
          candidates.includes(one)
            ? []
            : [{ feature: one.feature, reason: 'no_evidence', association: associations[i]! }],
        ),
      ],
      chance,
      degreesOfFreedom: trust * fit.degreesOfFreedom + (1 - trust) * straight.degreesOfFreedom,
    };
  }
  const { model, merged } = modelOf(fit, table);
  return {
    model,
    kept: merged.map((one, i) => ({ ...one, evidence: kept[i]!.evidence })),
    leftOut: [
      ...unsaid,
      ...binned.flatMap(({ feature }, i): LeftOutFeature[] =>
        features.some((one) => one.feature.name === feature.name)
          ? []
          : [{ feature, reason: 'no_evidence', association: associations[i]! }],
      ),
    ],
    chance,
    degreesOfFreedom: fit.degreesOfFreedom,
  };
}

/** Whether all rows have the same value, or all have none. */
function isConstant({ column }: TrainingFeature, rows: number): boolean {
  const first = valueAt(column, 0);
  for (let row = 1; row < rows; row++) if (valueAt(column, row) !== first) return false;
  return true;
}

/** Features that are fitted together: of more, those that have most to do with the label when looked at alone. */
const MOST_FEATURES = 60;

function mostAssociated(
  binned: readonly BinnedFeature[],
  associations: readonly PValue[],
): readonly BinnedFeature[] {
  if (binned.length <= MOST_FEATURES) return binned;
  const order = [...binned.keys()].sort((a, b) => associations[a]! - associations[b]! || a - b);
  const chosen = new Set(order.slice(0, MOST_FEATURES));
  return binned.filter((_, i) => chosen.has(i));
}

/** Trusted so much, a model is taken alone. */
const NEARLY_ALL = 0.99;
/** Of evidence, twice a logarithm, how much makes a model e times as trusted: less would be to believe approximations. */
const EVIDENCE_PER_E = 10;

/** A straight line that breaks a promised direction could not be pooled. */
function hasNoDirections(features: readonly BinnedFeature[]): boolean {
  return features.every(({ feature }) => feature.direction === null);
}

/**
 * How far the model of bins is to be trusted beside the straight one, by their evidence, from 0 to 1. The model of bins chose
 * features and a strength for each, by the same data: it pays for both.
 */
function trustInBins(fit: PenalisedFit, straight: StraightFit, candidates: number): number {
  const kept = fit.layout.features.length;
  let choices = 0;
  for (let i = 1; i <= kept; i++) choices += Math.log((candidates - kept + i) / i);
  const lead = evidenceOfAll(fit, straight.baseLogLikelihood) - kept - 2 * choices - straight.evidence;
  return 1 / (1 + Math.exp(-lead / EVIDENCE_PER_E));
}

/** Both models in one, over the bins of all candidates. */
function blended(all: PenalisedFit, fit: PenalisedFit, straight: StraightFit, trust: number): PenalisedFit {
  const effects = straight.effects.map((effect) => (1 - trust) * effect);
  fit.layout.features.forEach((feature, i) => {
    const to = all.layout.first[all.layout.features.indexOf(feature)]!;
    const from = fit.layout.first[i]!;
    for (let bin = 0; bin < feature.rows.length; bin++)
      effects[to + bin]! += trust * fit.effects[from + bin]!;
  });
  return { ...all, effects, binInformation: straight.binInformation };
}

/** Fits, and where a promised direction is broken fits again with the bins pooled that break it, until none does. */
function fitMonotone(
  features: readonly BinnedFeature[],
  table: TrainingTable,
  known: PenalisedFit | null,
): PenalisedFit {
  const fit = known ?? penalisedFit(layoutOf(features, table.weights), table.label);
  let pooled = false;
  const next = features.map((binned, i) => {
    const { feature, bins } = binned;
    if (feature.direction === null || bins.kind !== 'number') return binned;
    const from = fit.layout.first[i]!;
    const to = from + missingBin(bins);
    const starts = monotonePools(
      fit.effects.subarray(from, to),
      fit.binInformation.subarray(from, to),
      feature.direction,
    );
    if (starts.length === to - from) return binned;
    pooled = true;
    const edges = Float64Array.from(starts.slice(1), (start) => bins.edges[start - 1]!);
    return binFeature(feature, { kind: 'number', edges }, table);
  });
  return pooled ? fitMonotone(next, table, null) : fit;
}

type Merged = Omit<KeptFeature, 'evidence'>;

/** The model of a fit: bins that hardly differ merged, effects around 0, and the intercept that gives the base rate. */
function modelOf(
  { layout, effects, binInformation }: PenalisedFit,
  table: TrainingTable,
): { model: FittedModel; merged: Merged[] } {
  const { label } = table;
  const logits = new Float64Array(label.length);
  const merged = layout.features.map(({ feature, bins }, i): Merged => {
    const from = layout.first[i]!;
    const to = from + missingBin(bins) + 1;
    const found = mergeBins(
      bins,
      effects.subarray(from, to),
      binInformation.subarray(from, to),
      BIN_IS_WORTH,
    );
    const { codes, rows, positives } = binFeature(feature, found.bins, table);
    const mean = found.effects.reduce((sum, effect, bin) => sum + effect * rows[bin]!, 0) / label.length;
    const centred = found.effects.map((effect, bin) => (rows[bin] === 0 ? 0 : effect - mean));
    for (let row = 0; row < logits.length; row++) logits[row]! += centred[codes[row]!]!;
    return { fitted: { feature, bins: found.bins, effects: centred }, rows, positives };
  });
  const intercept = interceptFor(logits, countPositives(label));
  return { model: { intercept, features: merged.map(({ fitted }) => fitted) }, merged };
}
