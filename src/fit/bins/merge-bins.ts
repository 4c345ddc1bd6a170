import { type Bins, missingBin } from './bins.js';
import { bestSegments, squaredError } from './segments.js';

/** Bins with what each adds to the logit. */
export interface EffectBins {
  readonly bins: Bins;
  readonly effects: Float64Array;
}

/**
 * Merges bins that differ by less than it costs to tell them apart: the fewest bins such that little is lost, by dynamic
 * programming over all ways to cut. Numbers keep their order, and so rise or fall where they did; texts are grouped by effect.
 *
 * @param information How much the data say about each bin's effect; what is lost is then twice the log likelihood.
 * @param perBin What a bin has to be worth.
 */
export function mergeBins(
  bins: Bins,
  effects: Float64Array,
  information: Float64Array,
  perBin: number,
): EffectBins {
  const known = missingBin(bins);
  if (bins.kind === 'number') {
    const { cost, mean } = squaredError(effects.subarray(0, known), information);
    const starts = bestSegments(known, cost, perBin);
    return {
      bins: { kind: 'number', edges: Float64Array.from(starts.slice(1), (start) => bins.edges[start - 1]!) },
      effects: Float64Array.from([...meansOf(starts, known, mean), effects[known]!]),
    };
  }
  const listed = bins.groups.length;
  const order = Array.from({ length: listed }, (_, i) => i).sort(
    (a, b) => effects[a]! - effects[b]! || a - b,
  );
  const { cost, mean } = squaredError(
    order.map((group) => effects[group]!),
    order.map((group) => information[group]!),
  );
  const starts = bestSegments(listed, cost, perBin);
  return {
    bins: {
      kind: 'text',
      groups: starts.map((start, i) =>
        order.slice(start, starts[i + 1]).flatMap((group) => bins.groups[group]!),
      ),
    },
    effects: Float64Array.from([...meansOf(starts, listed, mean), effects[listed]!, effects[known]!]),
  };
}

function meansOf(
  starts: readonly number[],
  end: number,
  mean: (from: number, to: number) => number,
): number[] {
  return starts.map((start, i) => mean(start, starts[i + 1] ?? end));
}
