import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import type { Settings } from '../core/settings.js';
import { readTextFiles } from '../core/text-files.js';
import type { Risk } from '../engine/risk.js';
import type { Feature, FeatureCatalogue } from '../features/feature.js';
import { loadScoring } from '../scoring/load.js';
import { type WayToBand, wayToBand } from '../scoring/to-band.js';

/**
 * The smallest change that brings a risk into a band, by the scorecard it was computed with, of what features.yaml says that
 * people can still act on. Throws `failed_precondition` where the files are others by now.
 */
export function wayOf(settings: Settings, risk: Scored, band: 'low' | 'medium' | 'high'): WayToBand {
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
  const { catalogue } = scoring;
  const declared = new Map(catalogue.features.map((feature) => [feature.name, feature]));
  const features = risk.contributions.map(({ feature, value, points }) => ({
    ...{ feature, value, points },
    isActionable: declared.get(feature)!.isActionable,
    isWhole: isCount(declared.get(feature)!, catalogue),
  }));
  // What a person said does not move with features; what is computed under it does.
  const standing = { risk: risk.computedRisk, band: risk.override === null ? risk.band : null, features };
  const way = wayToBand(card, standing, band);
  return { ...way, reached: way.reached && standing.band !== 'unknown' };
}

type Scored = Pick<
  Risk,
  'computedRisk' | 'band' | 'override' | 'scorecard' | 'scoringRevision' | 'contributions'
>;

const COUNTS: ReadonlySet<string> = new Set(['count', 'distinct', 'distinct_days', 'streak', 'open_items']);

/** Whether a feature is one measure that counts. */
function isCount({ value }: Feature, { measures }: FeatureCatalogue): boolean {
  if (value?.form !== 'name') return false;
  const measure = measures.find(({ name }) => name === value.name);
  return measure !== undefined && COUNTS.has(measure.definition.op);
}

export function wayInWords(
  { changes, risk, reached }: WayToBand,
  band: string,
  scored: Pick<Risk, 'band' | 'computedRisk' | 'override'>,
): string[] {
  if (scored.override !== null)
    return [
      `What ${scored.override.author} said holds until its end, whatever changes. Of the computed risk, ${scored.computedRisk.toFixed(1)}:`,
      ...wayInWords({ changes, risk, reached }, band, { ...scored, override: null }),
    ];
  if (changes.length === 0 && reached) return [`It takes nothing to be ${band}, or better.`];
  const number = (value: number) => String(Number(value.toFixed(2)));
  const lines = changes.map(
    ({ feature, from, to, side, points }) =>
      `  ${feature}: from ${number(from)} to ${side === 'below' ? 'below ' : ''}${number(to)} (${points.toFixed(1)} points less)`,
  );
  return [
    scored.band === 'unknown'
      ? `Its band stays unknown while so little is known. By what is known, this comes to risk ${risk.toFixed(1)}:`
      : reached
        ? `The smallest change that brings it to ${band} (risk ${risk.toFixed(1)}):`
        : `Not to be brought to ${band} by what people can act on; all of that together comes to risk ${risk.toFixed(1)}:`,
    ...lines,
  ];
}
