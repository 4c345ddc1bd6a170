import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import type { Settings } from '../core/settings.js';
import { readTextFiles } from '../core/text-files.js';
import type { Risk } from '../engine/risk.js';
import { loadScoring } from '../scoring/load.js';
import { type WayToBand, wayToBand } from '../scoring/to-band.js';

/**
 * The smallest change that brings a risk into a band, by the scorecard it was computed with, of what features.yaml says that
 * people can still act on. Throws `failed_precondition` where the files are others by now.
 */
export function wayOf(
  settings: Settings,
  risk: Pick<Risk, 'risk' | 'computedRisk' | 'scorecard' | 'scoringRevision' | 'contributions'>,
  band: 'low' | 'medium' | 'high',
): WayToBand {
  const folder = settings.PERENNIAL_SCORING;
  const { scoring, problems } = loadScoring(readTextFiles(folder), folder);
  if (scoring === undefined) throw new PerennialError('invalid_file', problems.map(formatProblem).join('\n'));
  const card = scoring.scorecards.find(({ name }) => name === risk.scorecard);
  if (card === undefined || scoring.revision !== risk.scoringRevision)
    throw new PerennialError(
      'failed_precondition',
      `The risk was computed with scoring ${risk.scoringRevision}, and ${folder} is ${scoring.revision}.`,
      { hint: 'Name the folder it was computed with by --scoring, or score again.' },
    );
  const actionable = new Set(
    scoring.catalogue.features.flatMap(({ name, isActionable }) => (isActionable ? [name] : [])),
  );
  const features = risk.contributions.map(({ feature, value, points }) => ({
    ...{ feature, value, points },
    isActionable: actionable.has(feature),
  }));
  return wayToBand(card, { risk: risk.risk ?? risk.computedRisk, features }, band);
}

export function wayInWords({ changes, risk, reached }: WayToBand, band: string): string[] {
  if (changes.length === 0 && reached) return [`It takes nothing to be ${band}, or better.`];
  const number = (value: number) => String(Number(value.toFixed(2)));
  const lines = changes.map(
    ({ feature, from, to, side, points }) =>
      `  ${feature}: from ${number(from)} to ${side === 'below' ? 'below ' : ''}${number(to)} (${points.toFixed(1)} points less)`,
  );
  return [
    reached
      ? `The smallest change that brings it to ${band} (risk ${risk.toFixed(1)}):`
      : `Not to be brought to ${band} by what people can act on; all of that together comes to risk ${risk.toFixed(1)}:`,
    ...lines,
  ];
}
