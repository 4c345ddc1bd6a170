import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn } from '../columns/column.js';
import type { FeatureCatalogue } from '../features/catalogue.js';
import { CATEGORIES, type Category } from '../signals/signal.js';
import { bandOf } from './band.js';
import { chooseScorecards } from './choose-scorecards.js';
import type { Scoring } from './load.js';
import { BANDS, type Band, type ScoredFeature, valueOnCurve } from './scorecard.js';
import { WeightedMean } from './weighted-mean.js';

/** The scores of a batch, column by column; row i of each belongs to row i of the batch. */
export interface Scores {
  readonly length: number;
  /** Place in `scoring.scorecards` of the scorecard applied. */
  readonly scorecard: Int32Array;
  /** 0 to 100. */
  readonly risk: Float64Array;
  /** 0 to 1; not valid where the band is unknown. */
  readonly renewalProbability: NumberColumn;
  /** Place in BANDS. */
  readonly band: Uint8Array;
  /** 0 to 1. */
  readonly coverage: Float64Array;
  /** 0 to 100; not valid where the category has no data. */
  readonly categoryRisk: Readonly<Record<Category, NumberColumn>>;
  /** Points by feature of the catalogue: `contributions[feature][row]`. They sum to the risk. */
  readonly contributions: readonly Float64Array[];
}

/**
 * Applies the scorecards to a batch. Each row gets the first scorecard that is for its segment and product.
 * risk = 100 * sum(w c r) / sum(w c); with no data at all the risk is 0, coverage 0 and the band unknown.
 *
 * The batch may have a column `previous_band`: the band of the risk before this one, for hysteresis. All else depends on the
 * features alone.
 */
export function evaluateScorecards(scoring: Scoring, batch: Batch): Scores {
  const { length } = batch;
  const scorecard = chooseScorecards(scoring.scorecards, batch);
  const rowsByScorecard = groupRows(scorecard, scoring.scorecards.length);
  const overall = new WeightedMean(length);
  const ofCategory = new Map(CATEGORIES.map((category) => [category, new WeightedMean(length)]));
  const contributions = scoring.catalogue.features.map(() => new Float64Array(length));
  /** Weight of the scorecard, and of those of its features that have a value. */
  const weight = new Float64Array(length);
  const knownWeight = new Float64Array(length);

  scoring.scorecards.forEach((card, place) => {
    const rows = rowsByScorecard[place]!;
    if (rows.length === 0) return;
    for (const feature of card.features) {
      const category = scoring.catalogue.features[feature.index]!.category;
      const means = category === 'contract' ? [overall] : [overall, ofCategory.get(category)!];
      const badnessAt = badnessOf(feature, batch.column(feature.name));
      const points = contributions[feature.index]!;
      for (const row of rows) {
        const badness = badnessAt(row);
        weight[row]! += feature.weight;
        if (badness === null) continue;
        knownWeight[row]! += feature.weight;
        points[row] = feature.weight * badness;
        for (const mean of means) mean.add(row, feature.weight, badness);
      }
    }
  });

  for (const points of contributions) {
    for (let row = 0; row < length; row++)
      if (points[row] !== 0) points[row] = 100 * (points[row]! / overall.weight[row]!);
  }
  const risk = overall.times(100);
  const coverage = knownWeight.map((known, row) => (known === 0 ? 0 : known / weight[row]!));
  const band = bandsOf(scoring, scorecard, risk, coverage, batch);
  return {
    length,
    scorecard,
    risk,
    renewalProbability: probabilities(scoring, scorecard, risk, band),
    band,
    coverage,
    categoryRisk: {
      usage: ofCategory.get('usage')!.column(100),
      billing: ofCategory.get('billing')!.column(100),
      support: ofCategory.get('support')!.column(100),
      marketing: ofCategory.get('marketing')!.column(100),
    },
    contributions,
  };
}

/** The feature names in the order in which scores store them. */
export function featureNames(catalogue: FeatureCatalogue): readonly string[] {
  return catalogue.features.map((feature) => feature.name);
}

/** What the scorecard makes of a feature in a row, from 0 (good) to 1 (bad); null where it does not count. */
function badnessOf({ curve, missing }: ScoredFeature, column: Column): (row: number) => number | null {
  const value = numberAt(column);
  const { valid } = column;
  return (row) => (valid === null || valid.has(row) ? valueOnCurve(curve, value(row)) : missing);
}

/** The values of a feature as numbers; booleans are 0 and 1. */
function numberAt(column: Column): (row: number) => number {
  switch (column.kind) {
    case 'number':
      return (row) => column.values[row]!;
    case 'boolean':
      return (row) => (column.values.has(row) ? 1 : 0);
    default:
      throw new RangeError(`a scorecard can't use a ${column.kind}`);
  }
}

function groupRows(scorecard: Int32Array, scorecards: number): readonly (readonly number[])[] {
  const groups = Array.from({ length: scorecards }, (): number[] => []);
  scorecard.forEach((place, row) => {
    groups[place]!.push(row);
  });
  return groups;
}

function bandsOf(
  { scorecards }: Scoring,
  scorecard: Int32Array,
  risk: Float64Array,
  coverage: Float64Array,
  batch: Batch,
): Uint8Array {
  const previous = previousBands(batch);
  return Uint8Array.from(risk, (points, row) =>
    BANDS.indexOf(bandOf(scorecards[scorecard[row]!]!, points, coverage[row]!, previous(row))),
  );
}

function previousBands(batch: Batch): (row: number) => Band | null {
  const column = batch.columns.get('previous_band');
  if (column?.kind !== 'string') return () => null;
  const bands = column.dictionary.map((text) => BANDS.find((band) => band === text) ?? null);
  return (row) => (column.valid?.has(row) === false ? null : bands[column.codes[row]!]!);
}

/** Who is unknown has no probability: it would be that of the few features that happen to be known. */
function probabilities(
  { scorecards }: Scoring,
  scorecard: Int32Array,
  risk: Float64Array,
  band: Uint8Array,
): NumberColumn {
  const unknown = BANDS.indexOf('unknown');
  const values = new Float64Array(risk.length);
  const valid = new Bitset(risk.length);
  for (let row = 0; row < risk.length; row++) {
    if (band[row] === unknown) continue;
    const { a, b } = scorecards[scorecard[row]!]!.calibration;
    values[row] = 1 - 1 / (1 + Math.exp(-(a + b * risk[row]!)));
    valid.add(row);
  }
  return { kind: 'number', values, valid };
}
