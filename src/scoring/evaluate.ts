import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { Column, NumberColumn, StringColumn } from '../columns/column.js';
import type { FeatureCatalogue } from '../features/catalogue.js';
import { CATEGORIES, type Category } from '../signals/signal.js';
import type { Scoring } from './load.js';
import { BANDS, type Band, type Scorecard, valueOnCurve } from './scorecard.js';

/** The scores of a batch, column by column; row i of each belongs to row i of the batch. */
export interface Scores {
  readonly length: number;
  /** Place in `scoring.scorecards` of the scorecard applied. */
  readonly scorecard: Uint8Array;
  /** 0 to 100. */
  readonly risk: Float64Array;
  /** 0 to 1. */
  readonly renewalProbability: Float64Array;
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
 */
export function evaluateScorecards(scoring: Scoring, batch: Batch): Scores {
  const { length } = batch;
  const scorecard = chooseScorecards(scoring.scorecards, batch);
  const weighted = new Float64Array(length);
  const known = new Float64Array(length);
  const total = new Float64Array(length);
  const byCategory = Object.fromEntries(
    CATEGORIES.map((category) => [
      category,
      { weighted: new Float64Array(length), known: new Float64Array(length) },
    ]),
  ) as Record<Category, { weighted: Float64Array; known: Float64Array }>;
  const contributions = scoring.catalogue.features.map(() => new Float64Array(length));

  scoring.scorecards.forEach((card, cardIndex) => {
    for (const feature of card.features) {
      const { values, valid } = numbersOf(batch.column(feature.name));
      const category = scoring.catalogue.features[feature.index]!.category;
      const own = category === 'contract' ? undefined : byCategory[category];
      const points = contributions[feature.index]!;
      const { weight, missing, curve } = feature;
      for (let row = 0; row < length; row++) {
        if (scorecard[row] !== cardIndex) continue;
        total[row]! += weight;
        let r: number;
        if (valid === null || valid.has(row)) r = valueOnCurve(curve, values(row));
        else if (missing !== null) r = missing;
        else continue;
        known[row]! += weight;
        weighted[row]! += weight * r;
        points[row] = weight * r;
        if (own !== undefined) {
          own.known[row]! += weight;
          own.weighted[row]! += weight * r;
        }
      }
    }
  });

  for (const points of contributions) {
    for (let row = 0; row < length; row++)
      if (points[row] !== 0) points[row] = 100 * (points[row]! / known[row]!);
  }
  const risk = ratio(weighted, known, 100);
  const coverage = ratio(known, total, 1);
  const previous = previousBands(batch);
  const band = new Uint8Array(length);
  const renewalProbability = new Float64Array(length);
  for (let row = 0; row < length; row++) {
    const card = scoring.scorecards[scorecard[row]!]!;
    band[row] = BANDS.indexOf(bandOf(card, risk[row]!, coverage[row]!, previous(row)));
    renewalProbability[row] = 1 - 1 / (1 + Math.exp(-(card.calibration.a + card.calibration.b * risk[row]!)));
  }
  return {
    length,
    scorecard,
    risk,
    renewalProbability,
    band,
    coverage,
    categoryRisk: Object.fromEntries(
      CATEGORIES.map((category) => {
        const own = byCategory[category];
        const valid = new Bitset(length);
        for (let row = 0; row < length; row++) if (own.known[row]! > 0) valid.add(row);
        return [category, { kind: 'number', values: ratio(own.weighted, own.known, 100), valid }];
      }),
    ) as unknown as Record<Category, NumberColumn>,
    contributions,
  };
}

/**
 * The band of a risk. Upwards it changes at once; downwards only when the risk is `hysteresis` points below the border of the
 * band it was in. Under the coverage floor it is unknown.
 */
export function bandOf(card: Scorecard, risk: number, coverage: number, previous: Band | null): Band {
  if (coverage < card.coverageFloor || coverage === 0) return 'unknown';
  const borders = [0, card.bands.medium, card.bands.high, card.bands.critical];
  let level = 3;
  while (level > 0 && risk < borders[level]!) level--;
  const before = previous === null ? -1 : BANDS.indexOf(previous);
  if (before > level && before <= 3) {
    for (let held = before; held > level; held--) {
      if (risk >= borders[held]! - card.bands.hysteresis) return BANDS[held]!;
    }
  }
  return BANDS[level]!;
}

/** A share is rounded before it is scaled: so what is all of it comes to the factor exactly, and never to a little more. */
function ratio(above: Float64Array, below: Float64Array, factor: number): Float64Array {
  const out = new Float64Array(above.length);
  for (let i = 0; i < out.length; i++) out[i] = below[i] === 0 ? 0 : factor * (above[i]! / below[i]!);
  return out;
}

function chooseScorecards(cards: readonly Scorecard[], batch: Batch): Uint8Array {
  const chosen = new Uint8Array(batch.length).fill(cards.length - 1);
  const decided = new Bitset(batch.length);
  cards.forEach(({ appliesTo }, index) => {
    if (appliesTo === null) return;
    const segment =
      appliesTo.segment === undefined
        ? null
        : rowsIn(batch.column('segment') as StringColumn, appliesTo.segment);
    const product =
      appliesTo.product === undefined
        ? null
        : rowsIn(batch.column('product') as StringColumn, appliesTo.product);
    for (let row = 0; row < batch.length; row++) {
      if (decided.has(row) || segment?.has(row) === false || product?.has(row) === false) continue;
      chosen[row] = index;
      decided.add(row);
    }
  });
  return chosen;
}

function rowsIn(column: StringColumn, wanted: readonly string[]): Bitset {
  const codes = new Set(column.dictionary.flatMap((value, code) => (wanted.includes(value) ? [code] : [])));
  const rows = new Bitset(column.codes.length);
  column.codes.forEach((code, row) => {
    if (codes.has(code) && (column.valid === null || column.valid.has(row))) rows.add(row);
  });
  return rows;
}

/** A feature's values as numbers; booleans are 0 and 1. */
function numbersOf(column: Column): { values: (row: number) => number; valid: Bitset | null } {
  if (column.kind === 'number') return { values: (row) => column.values[row]!, valid: column.valid };
  if (column.kind === 'boolean')
    return { values: (row) => (column.values.has(row) ? 1 : 0), valid: column.valid };
  throw new RangeError(`a scorecard can't use a ${column.kind}`);
}

function previousBands(batch: Batch): (row: number) => Band | null {
  const column = batch.columns.get('previous_band');
  if (column?.kind !== 'string') return () => null;
  return (row) =>
    column.valid === null || column.valid.has(row) ? (column.dictionary[column.codes[row]!] as Band) : null;
}

/** The feature names in the order in which scores store them. */
export function featureNames(catalogue: FeatureCatalogue): readonly string[] {
  return catalogue.features.map((feature) => feature.name);
}
