/**
 * Cuts a row of cells into neighbouring segments so that the sum of the segments' costs and of `perSegment` for each is the
 * least there is: dynamic programming over all ways to cut. Returns where each segment begins.
 */
export function bestSegments(
  cells: number,
  cost: (from: number, to: number) => number,
  perSegment: number,
): number[] {
  const least = new Float64Array(cells + 1).fill(Number.POSITIVE_INFINITY);
  const begin = new Int32Array(cells + 1);
  least[0] = 0;
  for (let to = 1; to <= cells; to++) {
    for (let from = 0; from < to; from++) {
      const total = least[from]! + cost(from, to) + perSegment;
      if (total < least[to]!) {
        least[to] = total;
        begin[to] = from;
      }
    }
  }
  const starts: number[] = [];
  for (let to = cells; to > 0; to = begin[to]!) starts.push(begin[to]!);
  return starts.reverse();
}

/** The cost of one value for a segment: the weighted sum of squared differences from the mean. */
export function squaredError(values: ArrayLike<number>, weights: ArrayLike<number>) {
  const cells = values.length;
  const [weight, first, second] = [0, 0, 0].map(() => new Float64Array(cells + 1)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < cells; i++) {
    weight[i + 1] = weight[i]! + weights[i]!;
    first[i + 1] = first[i]! + weights[i]! * values[i]!;
    second[i + 1] = second[i]! + weights[i]! * values[i]! ** 2;
  }
  return {
    cost: (from: number, to: number): number => {
      const sum = first[to]! - first[from]!;
      const total = weight[to]! - weight[from]!;
      return total > 0 ? Math.max(0, second[to]! - second[from]! - (sum * sum) / total) : 0;
    },
    mean: (from: number, to: number): number => {
      const total = weight[to]! - weight[from]!;
      return total > 0 ? (first[to]! - first[from]!) / total : 0;
    },
  };
}
