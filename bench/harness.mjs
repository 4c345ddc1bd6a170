// What the benchmarks share: two sides measured in turn in one run, and one form of report.
import { arch, cpus } from 'node:os';

export const MACHINE = `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() || arch()}`;

/**
 * Runs both sides in turn, round after round, so that whatever else the machine does hits both alike, and gives back the
 * median of each. A side returns operations a second. The first round only warms up.
 */
export async function inTurn(rounds, side, baseline) {
  const values = [];
  const baselines = [];
  for (let round = 0; round <= rounds; round++) {
    const value = await side();
    const base = await baseline();
    if (round === 0) continue;
    values.push(value);
    baselines.push(base);
  }
  return { value: median(values), baseline: median(baselines) };
}

export function median(numbers) {
  return quantile(numbers, 0.5);
}

export function quantile(numbers, q) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** Prints one result as text, or with `json` as one object a line. `text`: the result in words, where it is no rate. */
export function report({ name, config, value, baseline, text }, json) {
  const line = { name, config, value, baseline, ratio: value / baseline };
  if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
  else {
    const whole = (number) => Math.round(number).toLocaleString('en-US');
    const rate = `${whole(value).padStart(9)}/s, ${line.ratio.toFixed(3)} of ${whole(baseline)}/s`;
    process.stdout.write(`${name.padEnd(24)} ${text ?? rate}  ${config}\n`);
  }
}
