import { type Bins, missingBin } from '../bins/bins.js';
import type { CardFeature } from '../card.js';
import type { LeftOutFeature } from '../fit-model.js';
import type { ScorecardFit } from '../fit-scorecard.js';
import { type SetAside, setAsideInWords } from '../table/set-aside.js';
import { calibrationChart, gainsChart } from './charts.js';
import { escapeHtml } from './escape-html.js';
import { STYLE } from './style.js';

export interface ReportContext {
  readonly title: string;
  /** What it was fitted to: file, label, folds. */
  readonly about: readonly string[];
  /** What is to be thought of it, in sentences. */
  readonly says: readonly string[];
  readonly setAside: readonly SetAside[];
}

/** Everything about a fit as one HTML page without anything from elsewhere; it reads well on paper. */
export function reportPage(fit: ScorecardFit, { title, about, says, setAside }: ReportContext): string {
  const { judgement: j, predictions, card } = fit;
  const figures: [string, string][] = [
    ['rows predicted', j.rows.toLocaleString('en-US')],
    ['positives', `${j.positives.toLocaleString('en-US')} (${percent(j.positives / j.rows)})`],
    [
      'AUC',
      `${j.auc.toFixed(4)} (95 % interval ${j.aucInterval.low.toFixed(4)} to ${j.aucInterval.high.toFixed(4)})`,
    ],
    ['average precision', j.averagePrecision.toFixed(4)],
    ['log loss', `${j.logLoss.toFixed(4)} (base rate: ${j.baseLogLoss.toFixed(4)})`],
    ['Brier score', j.brier.toFixed(4)],
    ['expected calibration error', j.expectedCalibrationError.toFixed(4)],
    ['effective parameters', fit.fit.degreesOfFreedom.toFixed(1)],
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
${about.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n')}
<section class="verdict">${says.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('')}</section>
<h2>How good it is</h2>
<p>Each row is predicted by a model that has not seen it.</p>
<table><tbody>${figures.map(([name, value]) => `<tr><th>${name}</th><td>${value}</td></tr>`).join('')}</tbody></table>
<div class="charts">${calibrationChart(j.calibration)}${gainsChart(predictions)}</div>
<h2>The scorecard</h2>
<p>Risk is the sum of the points, from 0 to 100. Probability = 1 / (1 + exp(-(${card.calibration.a} + ${card.calibration.b} × risk))).
WoE: weight of evidence, ln of the odds in the bin over the odds of all. Points come from all features together, WoE from one alone.</p>
${card.features.map((feature) => featureTable(feature, card.features, j.positives / j.rows)).join('\n')}
<h2>What was left out, and why</h2>
${leftOutTable(fit.fit.leftOut, setAside)}
</body></html>
`;
}

function featureTable(feature: CardFeature, all: readonly CardFeature[], rate: number): string {
  const { title, name, bins, badness, weight, kept } = feature;
  const whole = all.reduce((sum, one) => sum + one.weight, 0);
  const labels = binLabels(bins);
  const rows = labels.flatMap((label, bin) => {
    const count = kept?.rows[bin] ?? 0;
    if (kept !== null && count === 0) return [];
    const positives = kept?.positives[bin] ?? 0;
    const points = (100 * weight * badness[bin]!) / whole;
    const cells =
      kept === null
        ? ['', '', '', '']
        : [
            count.toLocaleString('en-US'),
            positives.toLocaleString('en-US'),
            percent(positives / count),
            weightOfEvidence(positives, count, rate),
          ];
    const bar = `<span class="bar" style="width:${(60 * badness[bin]!).toFixed(0)}px"></span>`;
    return [
      `<tr><td>${escapeHtml(label)}</td>${cells.map((cell) => `<td class="n">${cell}</td>`).join('')}<td class="n">${points.toFixed(2)}</td><td>${bar}</td></tr>`,
    ];
  });
  const evidence = kept === null ? '' : `, evidence ${kept.evidence.toFixed(1)}`;
  return `<section class="feature"><h3>${escapeHtml(title)} <small>${escapeHtml(name)}: at most ${((100 * weight) / whole).toFixed(1)} points${evidence}</small></h3>
<table><thead><tr><th>bin</th><th>rows</th><th>positives</th><th>rate</th><th>WoE</th><th>points</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

function weightOfEvidence(positives: number, rows: number, rate: number): string {
  // Half a row more of each: bins without positives have a weight, too.
  const odds = (positives + 0.5 * rate * 2) / (rows - positives + 0.5 * (1 - rate) * 2);
  return Math.log(odds / (rate / (1 - rate))).toFixed(2);
}

function binLabels(bins: Bins): string[] {
  if (bins.kind === 'text') return [...bins.groups.map((texts) => texts.join(', ')), 'all others', 'missing'];
  const edges = [...bins.edges];
  return Array.from({ length: missingBin(bins) + 1 }, (_, bin) => {
    if (bin === missingBin(bins)) return 'missing';
    if (edges.length === 0) return 'any';
    if (bin === 0) return `below ${edges[0]}`;
    return bin === edges.length ? `from ${edges[bin - 1]}` : `${edges[bin - 1]} to below ${edges[bin]}`;
  });
}

const REASONS: Readonly<Record<LeftOutFeature['reason'], string>> = {
  constant: 'has one value in all rows',
  too_rare: 'no value but one has enough rows to learn from',
  no_signal_at_all: 'no more to do with the label than chance would give',
  no_evidence: 'says nothing that the other features do not say',
};

function leftOutTable(leftOut: readonly LeftOutFeature[], setAside: readonly SetAside[]): string {
  const rows = [
    ...setAside.map((one) => [one.column, setAsideInWords(one)]),
    ...leftOut.map(({ feature, reason, association }) => [
      feature.title,
      `${REASONS[reason]}${association === null ? '' : ` (alone: p = ${association < 0.001 ? '< 0.001' : association.toFixed(3)})`}`,
    ]),
  ];
  if (rows.length === 0) return '<p>Nothing.</p>';
  return `<table><tbody>${rows.map(([name, why]) => `<tr><th>${escapeHtml(name!)}</th><td>${escapeHtml(why!)}</td></tr>`).join('')}</tbody></table>`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
