import type { RowProblem } from '../ingest/import/row-problems.js';
import type { ImportSource } from '../ingest/import-source.js';
import type { LoadResult } from '../ingest/run-load.js';
import { Tally } from '../ingest/tally.js';
import { harmless, print, printJson, printTable, type Terminal } from './terminal.js';

interface ReportOptions {
  readonly print?: boolean;
  readonly json?: boolean;
}

const COLUMNS = [
  'rows',
  'signals',
  'subscriptions',
  'outcomes',
  'skipped',
  'unused',
  'leftOut',
  'rejected',
] as const;
const HEAD = COLUMNS.map((column) => (column === 'leftOut' ? 'left out' : column));

/** Prints what an import came to; `result` is absent in a dry run. With `print` the records are on stdout, and this goes to stderr. */
export function printImport(
  terminal: Terminal,
  source: ImportSource,
  result: LoadResult | undefined,
  options: ReportOptions,
): void {
  const problems = source.problems.list;
  const notices = source.notices.list;
  if (options.json === true) {
    const rejected = source.report.reduce((sum, file) => sum + file.rejected, 0);
    printJson(terminal, {
      dryRun: result === undefined,
      ...(result === undefined ? {} : { load: result.load.id, ...result.load.counts }),
      ...(result?.notReplaced === undefined ? {} : { notReplaced: result.notReplaced }),
      files: source.report,
      rejected,
      problems,
      notices,
    });
    return;
  }
  const write =
    options.print === true
      ? (line: string) => void terminal.stderr.write(`${line}\n`)
      : (line: string) => print(terminal, line);
  if (options.print !== true) {
    print(terminal, result === undefined ? 'Nothing was stored. An import would give:' : 'Imported:');
    printTable(
      terminal,
      ['file', ...HEAD],
      source.report.map((file) => [file.path, ...COLUMNS.map((column) => file[column])]),
    );
    if (result !== undefined) {
      printTable(terminal, Tally.HEAD, result.tally.rows());
      if (result.load.counts.withdrawn > 0)
        print(
          terminal,
          `${result.load.counts.withdrawn} records that earlier imports brought were taken out.`,
        );
      if (result.tally.erased > 0)
        print(terminal, `${result.tally.erased} records were left out: their accounts were erased.`);
      print(terminal, `perennial loads undo ${result.load.id} takes it back.`);
    }
  }
  for (const problem of problems) write(problemLine(problem));
  if (result?.notReplaced !== undefined) write(result.notReplaced);
  for (const { text } of notices) write(`note: ${harmless(text)}`);
}

/** Texts that are spelt out of one problem. */
const TEXTS = 12;

function problemLine({ file, line, reason, detail, rows, texts }: RowProblem): string {
  const more = rows > 1 ? ` and ${(rows - 1).toLocaleString('en')} more` : '';
  const all = Object.entries(texts);
  const shown = all
    .slice(0, TEXTS)
    .map(([text, count]) => `${JSON.stringify(text)}${rows > 1 ? ` (${count.toLocaleString('en')})` : ''}`);
  if (all.length > TEXTS) shown.push(`${all.length - TEXTS} others`);
  const said = shown.length === 0 ? detail : `${detail.replace(/\.$/, '')}: ${shown.join(', ')}`;
  return harmless(`${file}:${line}${more}: ${said} [${reason}]`);
}
