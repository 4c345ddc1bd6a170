import type { RiskChange } from '../engine/explain-change.js';
import { riskText } from './words.js';

const WORDS = {
  signals: 'signals and contracts',
  passingTime: 'passing time',
  missingData: 'features that came to be known, or ceased to be',
  cardEdit: 'other scoring files',
  override: 'what people said',
} as const;

/** "risk 41.2 on 2026-01-01 …, 63.0 now: 21.8 points more", and the parts of it, the largest first. */
export function changeInWords({ since, riskBefore, riskAfter, parts }: RiskChange): string[] {
  const moved = Math.abs(parts.total).toFixed(1);
  const how = moved === '0.0' ? 'no change' : `${moved} points ${parts.total > 0 ? 'more' : 'less'}`;
  const compared = riskBefore === null || riskAfter === null ? `what is known comes to ${how}` : how;
  const names = Object.keys(WORDS) as (keyof typeof WORDS)[];
  const sorted = names
    .filter((name) => Math.abs(parts[name]) >= 0.005)
    .sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a]));
  return [
    `since ${new Date(since).toISOString()}: risk ${riskText({ risk: riskBefore })} to ${riskText({ risk: riskAfter })}, ${compared}`,
    ...sorted.map((name) => `  ${signed(parts[name])}  ${WORDS[name]}`),
  ];
}

function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${points.toFixed(2)}`.padStart(7);
}
