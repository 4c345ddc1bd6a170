/** Rows whose probabilities are alike: what was said, and what happened. */
export interface CalibrationBin {
  readonly rows: number;
  readonly meanProbability: number;
  readonly rate: number;
}

const BINS = 10;

/** Ten bins of about equal numbers of rows by probability; equal probabilities share a bin. */
export function calibrationBins(label: Uint8Array, probabilities: Float64Array): CalibrationBin[] {
  const sorted = probabilities.slice().sort();
  const edges = [...new Set(Array.from({ length: BINS + 1 }, (_, i) => quantileAt(sorted, i / BINS)))];
  const count = Math.max(1, edges.length - 1);
  const [rows, said, happened] = [0, 0, 0].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  probabilities.forEach((p, row) => {
    let bin = edges.length < 3 ? 0 : edges.findLastIndex((edge) => edge <= p);
    bin = Math.min(count - 1, Math.max(0, bin));
    rows[bin]!++;
    said[bin]! += p;
    happened[bin]! += label[row]!;
  });
  return [...rows.keys()]
    .filter((bin) => rows[bin]! > 0)
    .map((bin) => ({
      rows: rows[bin]!,
      meanProbability: said[bin]! / rows[bin]!,
      rate: happened[bin]! / rows[bin]!,
    }));
}

/** Between the two values around it, straight. */
function quantileAt(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}

/** By how much probabilities are off, on average over the rows. */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
  return bins.reduce((sum, bin) => sum + (bin.rows / rows) * Math.abs(bin.rate - bin.meanProbability), 0);
}
