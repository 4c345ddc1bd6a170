/** Rows in groups of equal probability, the lowest first. */
export interface Ranking {
  /** Place of each row, the lowest probability first. */
  readonly order: Int32Array;
  /** Where each group of equal probabilities begins in `order`; its length last. */
  readonly groups: Int32Array;
}

export function rankingOf(probabilities: Float64Array): Ranking {
  const order = Int32Array.from(probabilities.keys()).sort((a, b) => probabilities[a]! - probabilities[b]!);
  const groups: number[] = [];
  order.forEach((row, i) => {
    if (i === 0 || probabilities[row] !== probabilities[order[i - 1]!]) groups.push(i);
  });
  groups.push(order.length);
  return { order, groups: Int32Array.from(groups) };
}

/** Area under the ROC curve of rows that count `weights` times; ties count half. Not a number where one label is missing. */
export function areaUnderCurve(
  { order, groups }: Ranking,
  label: Uint8Array,
  weights: Float64Array | null = null,
): number {
  let [negatives, positives, area] = [0, 0, 0];
  for (let group = 0; group + 1 < groups.length; group++) {
    let [inNegatives, inPositives] = [0, 0];
    for (let i = groups[group]!; i < groups[group + 1]!; i++) {
      const row = order[i]!;
      const weight = weights === null ? 1 : weights[row]!;
      if (label[row] === 1) inPositives += weight;
      else inNegatives += weight;
    }
    area += inPositives * (negatives + inNegatives / 2);
    negatives += inNegatives;
    positives += inPositives;
  }
  return area / (negatives * positives);
}

/** Mean precision over the positives, thresholds at each distinct probability. */
export function averagePrecision({ order, groups }: Ranking, label: Uint8Array): number {
  let [flagged, found, sum, total] = [0, 0, 0, 0];
  for (const one of label) total += one;
  for (let group = groups.length - 2; group >= 0; group--) {
    let positives = 0;
    for (let i = groups[group]!; i < groups[group + 1]!; i++) positives += label[order[i]!]!;
    flagged += groups[group + 1]! - groups[group]!;
    found += positives;
    sum += positives * (found / flagged);
  }
  return sum / total;
}
