import { cardFile } from '../../../fit/card-file.js';
import type { ScorecardFit } from '../../../fit/fit-scorecard.js';
import { reportPage } from '../../../fit/report/report.js';
import { writeFile } from '../../write-file.js';
import type { FitInput } from './fit-input.js';

export interface FitFileFlags {
  readonly name: string;
  readonly out?: string;
  readonly predictions?: string;
  readonly report?: string;
}

/** Writes what was asked for: the scorecard, its predictions, the report. */
export function writeFitFiles(
  flags: FitFileFlags,
  input: FitInput,
  fit: ScorecardFit,
  says: readonly string[],
): void {
  const { judgement: j } = fit;
  const about = `Fitted by perennial scorecard fit to ${input.what}: ${input.table.rows} rows, ${j.positives} of the ${j.rows} predicted ones positive.`;
  if (flags.out !== undefined)
    writeFile(
      flags.out,
      input.compare(fit).file ??
        cardFile(fit.card, {
          name: flags.name,
          about: [about, ...says],
          description: `Fitted to ${input.what}.`,
          when: null,
        }),
    );
  if (flags.predictions !== undefined) {
    const lines = [...fit.predictions]
      .sort((a, b) => a.row - b.row)
      .map(({ row, label, probability, fold }) =>
        [input.ids[row]!, label, probability, fold].map(csvCell).join(','),
      );
    writeFile(flags.predictions, `id,label,p,fold\n${lines.join('\n')}\n`);
  }
  if (flags.report !== undefined)
    writeFile(
      flags.report,
      reportPage(fit, { title: `Scorecard ${flags.name}`, about: [about], says, setAside: input.setAside }),
    );
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
