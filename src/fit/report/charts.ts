import type { CalibrationBin } from '../statistics/calibration-error.js';

/** A square chart of points in [0, 1] joined by lines, with the diagonal, as SVG. */
function lineChart(
  points: readonly (readonly [number, number])[],
  labels: { readonly x: string; readonly y: string; readonly title: string },
  marks = true,
): string {
  const size = 300;
  const left = 44;
  const x = (share: number) => (left + share * size).toFixed(1);
  const y = (share: number) => (10 + (1 - share) * size).toFixed(1);
  const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`).join(' ');
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text x="${x(share)}" y="${size + 26}" text-anchor="middle">${Math.round(100 * share)} %</text>` +
      `<text x="${left - 6}" y="${Number(y(share)) + 4}" text-anchor="end">${Math.round(100 * share)} %</text>` +
      `<line x1="${x(share)}" x2="${x(share)}" y1="${y(0)}" y2="${y(1)}" class="grid"/>` +
      `<line x1="${x(0)}" x2="${x(1)}" y1="${y(share)}" y2="${y(share)}" class="grid"/>`,
  );
  const dots = marks
    ? points.map(([px, py]) => `<circle cx="${x(px)}" cy="${y(py)}" r="3.5"/>`).join('')
    : '';
  return `<figure><svg viewBox="0 0 ${size + left + 16} ${size + 48}" role="img" aria-label="${labels.title}">${ticks.join('')}
<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" class="diagonal"/><path d="${path}"/>${dots}
<text x="${x(0.5)}" y="${size + 44}" text-anchor="middle">${labels.x}</text>
<text transform="translate(11 ${y(0.5)}) rotate(-90)" text-anchor="middle">${labels.y}</text></svg><figcaption>${labels.title}</figcaption></figure>`;
}

export function calibrationChart(bins: readonly CalibrationBin[]): string {
  return lineChart(
    bins.map(({ meanProbability, rate }) => [meanProbability, rate]),
    { title: 'Calibration: what was said, and what happened', x: 'predicted', y: 'happened' },
  );
}

/** Share of the positives found in the share of rows with the highest probabilities. */
export function gainsChart(
  predictions: readonly { readonly label: number; readonly probability: number }[],
): string {
  const order = [...predictions].sort((a, b) => b.probability - a.probability);
  const all = order.reduce((sum, { label }) => sum + label, 0);
  const points: [number, number][] = [[0, 0]];
  let found = 0;
  order.forEach(({ label, probability }, i) => {
    found += label;
    const ends = i + 1 === order.length || order[i + 1]!.probability !== probability;
    const due = (i + 1) / order.length >= points.at(-1)![0] + 0.01;
    if ((ends && due) || i + 1 === order.length) points.push([(i + 1) / order.length, found / all]);
  });
  return lineChart(
    points,
    {
      title: 'Gains: how many of the positives are among the rows at the top',
      x: 'rows, highest first',
      y: 'positives found',
    },
    false,
  );
}
