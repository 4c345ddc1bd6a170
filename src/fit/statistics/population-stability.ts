import { quantileSorted } from 'simple-statistics';

/** What one subscription has; null: not known. */
export type Sampled = number | string | boolean | null;

const BINS = 10;

/**
 * Population stability index of a variable between two samples, as credit scoring has it (Siddiqi, Credit Risk Scorecards, 2006):
 * sum over bins of (now - before) * ln(now / before), with shares. Bins are tenths of the earlier sample for numbers, texts for
 * texts, and one for what is not known, so that missing data counts as a shift. Half a row is added to each bin, so that an empty one
 * is no infinity. 0: the same; under 0.1 stable, over 0.25 shifted, by convention.
 */
export function populationStability(before: readonly Sampled[], now: readonly Sampled[]): number {
  const binOf = binsBy(before);
  const counts = new Map<string, [before: number, now: number]>();
  [before, now].forEach((sample, which) => {
    for (const value of sample) {
      const bin = binOf(value);
      const count = counts.get(bin) ?? [0, 0];
      count[which as 0 | 1]++;
      counts.set(bin, count);
    }
  });
  let index = 0;
  for (const [earlier, later] of counts.values()) {
    const was = (earlier + 0.5) / (before.length + counts.size / 2);
    const is = (later + 0.5) / (now.length + counts.size / 2);
    index += (is - was) * Math.log(is / was);
  }
  return index;
}

/** Names the bin of a value. */
function binsBy(sample: readonly Sampled[]): (value: Sampled) => string {
  const sorted = sample.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  const edges =
    sorted.length === 0
      ? []
      : [...new Set(Array.from({ length: BINS - 1 }, (_, i) => quantileSorted(sorted, (i + 1) / BINS)))];
  return (value) =>
    typeof value === 'number' ? `n${edges.filter((edge) => edge < value).length}` : JSON.stringify(value);
}
