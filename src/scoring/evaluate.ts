import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn } from '../columns/column.js';
import { FEATURE_CATEGORIES, type FeatureCatalogue, type FeatureCategory } from '../features/catalogue.js';
import type { Category } from '../signals/signal.js';
import { bandOf } from './band.js';
import { renewalProbability } from './calibration.js';
import type { ScorecardChooser } from './choose-scorecards.js';
import { readBadness } from './read-badness.js';
import { BANDS, type Band, type Scorecard } from './scorecard.js';
import { WeightedMean } from './weighted-mean.js';

/** The scores of a batch, column by column; row i of each belongs to row i of the batch. */
export interface Scores {
  readonly length: number;
  /** Place in `scoring.scorecards` of the scorecard applied. */
  readonly scorecard: Int32Array;
  /** 0 to 100; not valid where the band is unknown. What is shown, compared and kept is this. */
  readonly risk: NumberColumn;
  /** What the known features come to, whatever the band, and whatever a person said instead (`override.ts`). */
  readonly computedRisk: Float64Array;
  /** 0 to 1; not valid where the band is unknown. */
  readonly renewalProbability: NumberColumn;
  /** Place in BANDS. */
  readonly band: Uint8Array;
  /** Known weight over applicable weight, 0 to 1. */
  readonly coverage: Float64Array;
  /** 0 to 100; not valid where the category has no data. */
  readonly categoryRisk: Readonly<Record<Category, NumberColumn>>;
  /** How far the groups of the scorecard disagree, in points: the worst less the best; not valid where fewer than two are known. */
  readonly disagreement: NumberColumn;
  /** Points by feature of the catalogue: `contributions[feature][row]`. They sum to the computed risk. */
  readonly contributions: readonly Float64Array[];
}

/** What is applied: scorecards, and of the catalogue what they need. */
export interface Cards {
  readonly scorecards: readonly Scorecard[];
  readonly choose: ScorecardChooser;
  readonly catalogue: { readonly features: readonly { readonly category: FeatureCategory }[] };
}

/**
 * Applies the scorecards to a batch. Each row gets the first scorecard whose conditions hold.
 * risk = 100 * sum(w c r) / sum(w c); c is 1 where the feature is known or the card says what missing means, else 0. With no
 * data at all the risk is 0, coverage 0 and the band unknown.
 *
 * The batch may have a column `previous_band`: the band of the risk before this one, for hysteresis. All else depends on the
 * features alone.
 */
export function evaluateScorecards(scoring: Cards, batch: Batch): Scores {
  const { length } = batch;
  const scorecard = scoring.choose(batch);
  const rowsByScorecard = groupRows(scorecard, scoring.scorecards.length);
  const overall = new WeightedMean(length);
  const ofGroup = new Map(FEATURE_CATEGORIES.map((category) => [category, new WeightedMean(length)]));
  const contributions = scoring.catalogue.features.map(() => new Float64Array(length));
  /** Weight of the features that are applicable, and of those that are known. */
  const weight = new Float64Array(length);
  const knownWeight = new Float64Array(length);

  const badness = new Float64Array(length);
  scoring.scorecards.forEach((card, place) => {
    const rows = rowsByScorecard[place]!;
    if (rows.length === 0) return;
    for (const feature of card.features) {
      const column = batch.column(feature.name);
      // What nobody sends is known of nobody, and weighs nothing.
      if (feature.missing === null && isNowhere(column)) continue;
      readBadness(feature.shape, column, badness);
      const points = contributions[feature.index]!;
      const group = ofGroup.get(scoring.catalogue.features[feature.index]!.category)!;
      const applicable = column.applicable ?? null;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        const known = !Number.isNaN(badness[row]!);
        if (known) knownWeight[row]! += feature.weight;
        // A feature could be known where anyone sends what it is made of.
        if (known || applicable === null || applicable.has(row)) weight[row]! += feature.weight;
        const value = known ? badness[row]! : feature.missing;
        if (value === null) continue;
        points[row] = feature.weight * value;
        overall.add(row, feature.weight, value);
        group.add(row, feature.weight, value);
      }
    }
  });

  for (const points of contributions) {
    for (let row = 0; row < length; row++)
      if (points[row] !== 0) points[row] = 100 * (points[row]! / overall.weight[row]!);
  }
  const computedRisk = overall.times(100);
  const coverage = new Float64Array(length);
  for (let row = 0; row < length; row++)
    if (knownWeight[row] !== 0) coverage[row] = knownWeight[row]! / weight[row]!;
  const whole = scoring.scorecards.map(({ features }) => features.reduce((sum, one) => sum + one.weight, 0));
  // What few signal types say is no risk, however much of it is known.
  const least = scoring.scorecards.map(({ applicableFloor }, place) => applicableFloor * whole[place]!);
  const enough = coverage.slice();
  for (let row = 0; row < length; row++) if (weight[row]! < least[scorecard[row]!]!) enough[row] = 0;
  const band = bandsOf(scoring, scorecard, computedRisk, enough, batch);
  const valid = knownBands(band);
  return {
    length,
    scorecard,
    risk: { kind: 'number', values: computedRisk, valid },
    computedRisk,
    renewalProbability: probabilities(scoring, scorecard, computedRisk, valid, textsOf(batch, 'segment')),
    band,
    coverage,
    categoryRisk: {
      usage: ofGroup.get('usage')!.column(100),
      billing: ofGroup.get('billing')!.column(100),
      support: ofGroup.get('support')!.column(100),
      marketing: ofGroup.get('marketing')!.column(100),
    },
    disagreement: disagreementOf([...ofGroup.values()].map((group) => group.column(100))),
    contributions,
  };
}

function isNowhere({ applicable, valid }: Column): boolean {
  return applicable?.isEmpty() === true && valid?.isEmpty() === true;
}

/** The worst of some risks less the best of them, row by row; not valid where fewer than two are known. */
function disagreementOf(groups: readonly NumberColumn[]): NumberColumn {
  const rows = groups[0]!.values.length;
  const known = new Uint8Array(rows);
  const worst = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
  const best = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  for (const { values, valid } of groups) {
    for (let row = 0; row < rows; row++) {
      if (!valid!.has(row)) continue;
      known[row]!++;
      worst[row] = Math.max(worst[row]!, values[row]!);
      best[row] = Math.min(best[row]!, values[row]!);
    }
  }
  const values = new Float64Array(rows);
  const valid = new Bitset(rows);
  for (let row = 0; row < rows; row++) {
    if (known[row]! < 2) continue;
    values[row] = worst[row]! - best[row]!;
    valid.add(row);
  }
  return { kind: 'number', values, valid };
}

/** The feature names in the order in which scores store them. */
export function featureNames(catalogue: FeatureCatalogue): readonly string[] {
  return catalogue.features.map((feature) => feature.name);
}

function groupRows(scorecard: Int32Array, scorecards: number): readonly Int32Array[] {
  const rows = Array.from({ length: scorecards }, () => 0);
  for (const place of scorecard) rows[place]!++;
  const groups = rows.map((count) => new Int32Array(count));
  rows.fill(0);
  for (let row = 0; row < scorecard.length; row++) {
    const place = scorecard[row]!;
    groups[place]![rows[place]!++] = row;
  }
  return groups;
}

function bandsOf(
  { scorecards }: Cards,
  scorecard: Int32Array,
  risk: Float64Array,
  coverage: Float64Array,
  batch: Batch,
): Uint8Array {
  const before = previousBands(batch);
  const bands = new Uint8Array(risk.length);
  for (let row = 0; row < bands.length; row++) {
    const band = bandOf(scorecards[scorecard[row]!]!, risk[row]!, coverage[row]!, before(row));
    bands[row] = BANDS.indexOf(band);
  }
  return bands;
}

function previousBands(batch: Batch): (row: number) => Band | null {
  const column = batch.columns.get('previous_band');
  if (column?.kind !== 'string') return () => null;
  const { codes, valid } = column;
  const named = column.dictionary.map((name) => BANDS.find((band) => band === name) ?? null);
  return (row) => (valid?.has(row) === false ? null : named[codes[row]!]!);
}

/** Who is unknown has no risk and no probability: they would be those of the few features that happen to be known. */
function knownBands(band: Uint8Array): Bitset {
  const unknown = BANDS.indexOf('unknown');
  const valid = new Bitset(band.length);
  for (let row = 0; row < band.length; row++) if (band[row] !== unknown) valid.add(row);
  return valid;
}

function probabilities(
  { scorecards }: Cards,
  scorecard: Int32Array,
  risk: Float64Array,
  valid: Bitset,
  segmentAt: (row: number) => string | null,
): NumberColumn {
  const values = new Float64Array(risk.length);
  for (let row = 0; row < risk.length; row++) {
    if (!valid.has(row)) continue;
    const card = scorecards[scorecard[row]!]!;
    const segment = card.calibrationBySegment.size === 0 ? null : segmentAt(row);
    values[row] = probabilityOf(card, segment, risk[row]!);
  }
  return { kind: 'number', values, valid };
}

/** The probability that belongs to a risk, by the calibration of a segment where the scorecard has one. */
export function probabilityOf(
  { calibration, calibrationBySegment }: Scorecard,
  segment: string | null,
  risk: number,
): number {
  const own = segment === null ? undefined : calibrationBySegment.get(segment);
  return renewalProbability(own ?? calibration, risk);
}

/** Texts of a column that a batch may have; null where there is none. */
export function textsOf(batch: Batch, name: string): (row: number) => string | null {
  const column = batch.columns.get(name);
  if (column?.kind !== 'string') return () => null;
  return (row) => (column.valid?.has(row) === false ? null : column.dictionary[column.codes[row]!]!);
}
