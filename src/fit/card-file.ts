import { stringify } from 'yaml';
import type { CardFeature, FittedCard } from './card.js';

export interface CardFileOptions {
  readonly name: string;
  /** Lines for the head of the file: what it was fitted to, and how good it is. */
  readonly about: readonly string[];
  readonly description: string;
  /** The conditions it is for; null: everyone. */
  readonly when: unknown;
}

/** A fitted scorecard as the file that people write and read, too. */
export function cardFile(card: FittedCard, { name, about, description, when }: CardFileOptions): string {
  const { a, b } = card.calibration;
  const { medium, high, critical, hysteresis } = card.bands;
  return [
    '# yaml-language-server: $schema=../../schema/scorecard.schema.json',
    ...about.map((line) => (line === '' ? '#' : `# ${line}`)),
    '',
    `name: ${name}`,
    `description: ${oneLine(description)}`,
    ...(when === null ? [] : [`when: ${JSON.stringify(when)}`]),
    '',
    `calibration: { a: ${a}, b: ${b} }`,
    `coverage_floor: ${card.coverageFloor}`,
    `bands: { medium: ${medium}, high: ${high}, critical: ${critical}, hysteresis: ${hysteresis} }`,
    '',
    'features:',
    ...card.features.flatMap(featureLines),
    '',
  ].join('\n');
}

function featureLines(feature: CardFeature): string[] {
  const { name, bins, badness, weight, least } = feature;
  const missing = badness.at(-1)!;
  const lines = [`  ${name}:`, `    weight: ${weight}`];
  if (bins.kind === 'number') {
    const steps = [...bins.edges].map((edge, i) => [edge, badness[i + 1]!]);
    // Below the first step its value holds, too: so it may begin anywhere under the first border.
    const begin = bins.edges.length > 0 && least >= bins.edges[0]! ? bins.edges[0]! - 1 : least;
    lines.push(`    steps: [${[[begin, badness[0]!], ...steps].map(([x, r]) => `[${x}, ${r}]`).join(', ')}]`);
  } else {
    lines.push('    categories:');
    bins.groups.forEach((texts, group) => {
      for (const text of texts) lines.push(`      ${JSON.stringify(text)}: ${badness[group]!}`);
    });
    // A scorecard needs a category; without any, all texts are alike.
    if (bins.groups.length === 0) lines.push(`      "": ${badness[0]!}`);
    lines.push(`    otherwise: ${badness[bins.groups.length]!}`);
  }
  return [...lines, `    missing: ${missing}`, `    why: ${oneLine(whyIn(feature))}`];
}

function whyIn({ title, kept }: CardFeature): string {
  if (kept === null) return `${title} tells nobody apart: everyone has the base rate.`;
  const rates = [...kept.rows].map((rows, bin) => (rows === 0 ? Number.NaN : kept.positives[bin]! / rows));
  const known = rates.filter((rate) => !Number.isNaN(rate));
  const share = (rate: number) => `${(100 * rate).toFixed(1)} %`;
  return `${title}: from ${share(Math.min(...known))} to ${share(Math.max(...known))} by bin; evidence ${kept.evidence.toFixed(1)}.`;
}

function oneLine(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}
