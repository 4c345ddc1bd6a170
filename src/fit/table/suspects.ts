import { missingBin } from '../bins/bins.js';
import type { BinnedFeature } from '../regression/design.js';
import type { ReadColumn } from './column-kind.js';

/** Fewer rows than this, and any column may have a value of its own in each by chance. */
const ENOUGH_ROWS = 50;
const MOSTLY_DISTINCT = 0.9;
const ID_NAME = /(^|[_\W])(id|ids|uuid|guid|key|no|nr|num|number|code|index|row)$|(Id|ID|Number|Key|Code)$/;

/** Why a column looks like the name of its row and not like something about it; null when it does not. */
export function whyAnId(name: string, { kind, column, filled, distinct }: ReadColumn): string | null {
  if (filled < ENOUGH_ROWS || distinct < MOSTLY_DISTINCT * filled) return null;
  if (kind === 'text') return `${distinct} different texts in ${filled} rows`;
  if (kind === 'date' || column.kind !== 'number') return null;
  const { values, valid } = column;
  const numbers = values.filter((_, row) => valid === null || valid.has(row));
  if (!numbers.every(Number.isInteger)) return null;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers) {
    least = Math.min(least, number);
    most = Math.max(most, number);
  }
  const isCounted = distinct === filled && most - least === filled - 1;
  if (isCounted) return `counts the rows from ${least} to ${most}`;
  return ID_NAME.test(name) ? `${distinct} different numbers in ${filled} rows, and the name of an id` : null;
}

/** The area under the curve of one column alone from which on it is too good to be true. */
const TOO_GOOD = 0.97;
/** The same of a column whose name speaks of the label. */
const TOO_GOOD_BY_NAME = 0.75;
/** Share of the rows of a bin that (nearly) all have one outcome, and of all with that outcome in such bins. */
const PURE = 0.98;
const PURE_SHARE = 0.1;
/** The part of the way from the rate of all other bins to 1 that the bin beside them has gone where the rate rises to them. */
const RISING = 0.25;
const ENOUGH_POSITIVES = 20;

/** Why a feature seems to know the outcome already; null when it does not. */
export function whyALeak(binned: BinnedFeature, labelName: string): string | null {
  const { rows, positives, feature } = binned;
  const total = rows.reduce((sum, count) => sum + count, 0);
  const all = positives.reduce((sum, count) => sum + count, 0);
  if (all < ENOUGH_POSITIVES || total - all < ENOUGH_POSITIVES) return null;
  const area = areaAlone(rows, positives, total, all);
  if (area >= TOO_GOOD) return `alone it has an AUC of ${area.toFixed(3)}`;
  if (area >= TOO_GOOD_BY_NAME && speaksOf(feature.title, labelName))
    return `it is named after the label and alone has an AUC of ${area.toFixed(3)}`;
  // Of the rarer outcome: that many rows have the common one and no other needs no leak.
  const arePositive = all <= total / 2;
  const many = arePositive ? all : total - all;
  const counts = arePositive ? positives : rows.map((count, bin) => count - positives[bin]!);
  const inPureBins = sumOf(pureBins(binned, counts), counts);
  const whose = arePositive ? 'positives' : 'negatives';
  return inPureBins >= PURE_SHARE * many
    ? `${Math.round((100 * inPureBins) / many)} % of the ${whose} have values that (nearly) only ${whose} have`
    : null;
}

/**
 * Bins in which (nearly) all rows have an outcome, `counts` by bin. Of numbers only those that stand apart: where the share
 * rises from bin to bin up to them, the feature is as strong as it looks.
 */
function pureBins({ bins, rows }: BinnedFeature, counts: Float64Array): number[] {
  const filled = [...rows.keys()].filter((bin) => rows[bin]! > 0);
  const pure = filled.filter((bin) => {
    const share = counts[bin]! / rows[bin]!;
    return (
      rows[bin]! >= ENOUGH_POSITIVES &&
      share >= PURE &&
      leastRate(counts[bin]!, rows[bin]!) >= PURE - 10 / rows[bin]!
    );
  });
  if (bins.kind === 'text') return pure;
  const missing = missingBin(bins);
  const others = filled.filter((bin) => bin !== missing && !pure.includes(bin));
  const outside = sumOf(others, counts) / sumOf(others, rows);
  const rising = outside + (1 - outside) * RISING;
  const before = (bin: number) => others.findLast((other) => other < bin);
  const after = (bin: number) => others.find((other) => other > bin);
  return pure.filter(
    (bin) =>
      bin === missing ||
      [before(bin), after(bin)].every(
        (other) => other === undefined || counts[other]! / rows[other]! < rising,
      ),
  );
}

function sumOf(bins: readonly number[], counts: Float64Array): number {
  return bins.reduce((sum, bin) => sum + counts[bin]!, 0);
}

/** Wilson's lower bound, at 95 %. */
function leastRate(positives: number, rows: number): number {
  const z = 1.645;
  const rate = positives / rows;
  const centre = rate + (z * z) / (2 * rows);
  const spread = z * Math.sqrt((rate * (1 - rate)) / rows + (z * z) / (4 * rows * rows));
  return (centre - spread) / (1 + (z * z) / rows);
}

/** Whether two names share a word of four letters or more. */
function speaksOf(name: string, label: string): boolean {
  const words = (text: string) =>
    text
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z]+/)
      .filter((word) => word.length >= 4);
  const stems = words(label).map((word) => word.slice(0, 5));
  return words(name).some((word) => stems.includes(word.slice(0, 5)));
}

function areaAlone(rows: Float64Array, positives: Float64Array, total: number, all: number): number {
  const order = [...rows.keys()]
    .filter((bin) => rows[bin]! > 0)
    .sort((a, b) => positives[a]! / rows[a]! - positives[b]! / rows[b]!);
  let [below, area] = [0, 0];
  for (const bin of order) {
    const negatives = rows[bin]! - positives[bin]!;
    area += positives[bin]! * (below + negatives / 2);
    below += negatives;
  }
  return area / (all * (total - all));
}
