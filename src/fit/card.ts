import { type Bins, binsOfRows, missingBin } from './bins/bins.js';
import type { KeptFeature, ModelFit } from './fit-model.js';
import { logitOf } from './fitted-model.js';
import { interceptFor } from './intercept.js';
import type { Shrinkage, Verdict } from './shrinkage.js';
import { countPositives, type TrainingTable } from './training-table.js';

/** A fitted scorecard in the numbers that its file has. */
export interface FittedCard {
  readonly calibration: { readonly a: number; readonly b: number };
  readonly bands: {
    readonly medium: number;
    readonly high: number;
    readonly critical: number;
    readonly hysteresis: number;
  };
  readonly coverageFloor: number;
  /** The heaviest first. */
  readonly features: readonly CardFeature[];
}

export interface CardFeature {
  readonly name: string;
  readonly title: string;
  readonly weight: number;
  readonly bins: Bins;
  /** Badness of each bin, the missing one last. */
  readonly badness: readonly number[];
  /** The smallest value there was; where the first step begins. Of texts: 0. */
  readonly least: number;
  readonly kept: KeptFeature | null;
}

const BADNESS_DIGITS = 4;
const WEIGHT_DIGITS = 2;

/**
 * A model as a scorecard: with logit = α + Σ effects, badness is the effect between its smallest and largest, weight is how far
 * these are apart, and a + b * risk is the logit again. Numbers are rounded as people can read them, and the intercept is then
 * found anew, so that the file and the fit's own arithmetic say the same.
 */
export function fittedCard(
  table: TrainingTable,
  { model, kept, leftOut }: ModelFit,
  shrinkage: Shrinkage | null,
  verdict: Verdict,
): FittedCard {
  const ranges = model.features.map(({ effects }) => Math.max(...effects) - Math.min(...effects));
  const whole = ranges.reduce((sum, range) => sum + range, 0);
  const features = model.features
    .map((fitted, i): CardFeature => {
      const least = Math.min(...fitted.effects);
      return {
        name: fitted.feature.name,
        title: fitted.feature.title,
        weight: rounded((100 * ranges[i]!) / whole, WEIGHT_DIGITS),
        bins: fitted.bins,
        badness: Array.from(fitted.effects, (effect) =>
          rounded((effect - least) / ranges[i]!, BADNESS_DIGITS),
        ),
        least: leastOf(table, fitted.feature.name),
        kept: kept[i]!,
      };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
  if (verdict === 'base_rate' || features.length === 0) return baseRateCard(table, model, leftOut);
  const slope = rounded((whole / 100) * (shrinkage?.slope ?? 1), 6);
  const risks = risksOf(features, table);
  const scaled = risks.map((risk) => slope * risk);
  const a = rounded(interceptFor(scaled, countPositives(table.label)), 6);
  return {
    calibration: { a, b: slope },
    bands: bandsFor(a, slope, countPositives(table.label) / table.rows),
    coverageFloor: coverageFloorOf(features, table),
    features,
  };
}

/** The risk of each row, from 0 to 100, in the arithmetic of fits: not that of the engine, which has to agree. */
export function risksOf(features: readonly CardFeature[], table: TrainingTable): Float64Array {
  const whole = features.reduce((sum, { weight }) => sum + weight, 0);
  const risks = new Float64Array(table.rows);
  for (const { name, bins, badness, weight } of features) {
    const codes = binsOfRows(bins, table.features.find((feature) => feature.name === name)!.column);
    for (let row = 0; row < risks.length; row++)
      risks[row]! += (100 * weight * badness[codes[row]!]!) / whole;
  }
  return risks;
}

/** Everyone has the risk that the base rate is: nothing tells rows apart. One feature stands in it, since a card needs one. */
function baseRateCard(
  table: TrainingTable,
  { features }: ModelFit['model'],
  leftOut: ModelFit['leftOut'],
): FittedCard {
  const rate = countPositives(table.label) / table.rows;
  const name =
    features[0]?.feature.name ??
    [...leftOut].sort((a, b) => (a.association ?? 1) - (b.association ?? 1))[0]?.feature.name ??
    table.features[0]!.name;
  const { title, column } = table.features.find((feature) => feature.name === name)!;
  const bins: Bins =
    column.kind === 'number' ? { kind: 'number', edges: new Float64Array(0) } : { kind: 'text', groups: [] };
  const badness = rounded(rate, BADNESS_DIGITS);
  const feature: CardFeature = {
    name,
    title,
    weight: 1,
    bins,
    badness: Array.from({ length: missingBin(bins) + 1 }, () => badness),
    least: leastOf(table, name),
    kept: null,
  };
  // Any slope will do: there is one risk only.
  const b = 0.05;
  const a = rounded(logitOf(rate) - b * 100 * badness, 6);
  return { calibration: { a, b }, bands: bandsFor(a, b, rate), coverageFloor: 0, features: [feature] };
}

function leastOf(table: TrainingTable, name: string): number {
  const { column } = table.features.find((feature) => feature.name === name)!;
  if (column.kind !== 'number') return 0;
  let least = Number.POSITIVE_INFINITY;
  for (let row = 0; row < table.rows; row++)
    if (column.valid === null || column.valid.has(row)) least = Math.min(least, column.values[row]!);
  return Number.isFinite(least) ? least : 0;
}

/** Odds against those of everyone, at which bands begin. */
const BAND_ODDS = [1, 2.5, 6];

/** Bands by how likely the outcome is: as likely as on average, two and a half times and six times the odds. */
function bandsFor(a: number, b: number, rate: number): FittedCard['bands'] {
  const [medium, high, critical] = BAND_ODDS.map((odds, i) => {
    const risk = (logitOf(rate) + Math.log(odds) - a) / b;
    return rounded(Math.min(97 + i, Math.max(3 + i, risk)), 1);
  }) as [number, number, number];
  return {
    medium,
    high: Math.max(high, medium + 0.5),
    critical: Math.max(critical, medium + 1),
    hysteresis: 2,
  };
}

/** More is never asked for: values that happen to be missing have bins of their own. */
const MOST_COVERAGE_FLOOR = 0.4;

/** The coverage that all but one row in a hundred had: of rows with less the fit has seen too few to speak of them. */
function coverageFloorOf(features: readonly CardFeature[], table: TrainingTable): number {
  const whole = features.reduce((sum, { weight }) => sum + weight, 0);
  const known = new Float64Array(table.rows);
  for (const { name, bins, weight } of features) {
    const codes = binsOfRows(bins, table.features.find((feature) => feature.name === name)!.column);
    const missing = missingBin(bins);
    for (let row = 0; row < known.length; row++) if (codes[row] !== missing) known[row]! += weight / whole;
  }
  known.sort();
  return Math.min(MOST_COVERAGE_FLOOR, Math.floor(100 * known[Math.floor(known.length / 100)]!) / 100);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
