import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { formatProblem } from '../../core/problem.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { loadMapping, type Mapping } from '../../ingest/import/mapping.js';
import { type ImportSource, importSource } from '../../ingest/import-source.js';
import type { Delivery } from '../../ingest/signal-source.js';
import { plainOutcome, plainSignal, plainSubscription } from '../../signals/serialise.js';
import type { Store } from '../../store/store.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { untilStopped } from '../interrupt.js';
import { addStoreFlags, type StoreFlags, settingsOf, withNewStore } from '../open-engine.js';
import { counting } from '../progress.js';
import { print, printJson, printTable, type Terminal } from '../terminal.js';

interface Options extends StoreFlags {
  readonly dryRun?: boolean;
  readonly print?: boolean;
  readonly json?: boolean;
}

/** Rejected rows that are spelt out; all of them are counted, and stored by a real import. */
const PROBLEMS_SHOWN = 10;

interface RowProblem {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  readonly field: string;
  readonly detail: string;
}

export function importCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addStoreFlags(new Command('import'))
    .description('import CSV or NDJSON exports by a mapping file')
    .argument('<mapping>', 'mapping file: which columns become which signals, subscriptions and outcomes')
    .argument('<files...>', 'exports; .gz is unpacked')
    .option('--dry-run', 'read and check everything, store nothing')
    .option('--print', 'with --dry-run: print the records, one JSON object a line')
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Rows that fail are rejected with file and line, and the rest goes in (exit code 7). Importing the same files again
changes nothing. docs/import.md explains the mapping file; examples/ has some.

Example:
  perennial import examples/ravenstack/mapping.yaml exports/*.csv --dry-run
`,
    )
    .action(async (mappingPath: string, files: string[], options: Options) => {
      if (options.print === true && options.dryRun !== true) {
        throw new PerennialError('invalid_argument', '--print goes with --dry-run only.');
      }
      const settings = settingsOf(terminal, options);
      const mapping = readMappingFile(mappingPath);
      const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
      const source = importSource(mapping, files, { catalogue, clock: systemClock });
      const problems: RowProblem[] = [];
      const told = counting(terminal);
      const look = async (batch: readonly Delivery[]) => {
        collect(batch, problems);
        told.add(batch.length);
        if (options.print === true) await printRecords(batch, terminal);
      };
      const work = (store?: Store) =>
        untilStopped('The import', (signal) =>
          source.run(async (batch) => {
            if (store !== undefined) await writeBatch(store, batch);
            await look(batch);
          }, signal),
        );
      await (options.dryRun === true ? work() : withNewStore(settings, work)).finally(told.done);
      if (options.print === true)
        printProblems(source, problems, (line) => terminal.stderr.write(`${line}\n`));
      else report(source, problems, options, terminal);
      if (source.report.some(({ rejected }) => rejected > 0)) context.exitCode = EXIT.rejected;
    });
}

function readMappingFile(path: string): Mapping {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new PerennialError('not_found', `There is no mapping file ${path}.`, { cause: thrown });
  }
  const { mapping, problems } = loadMapping(path, text);
  if (mapping !== undefined) return mapping;
  throw new PerennialError(
    'invalid_file',
    `The mapping is wrong:\n${problems.map(formatProblem).join('\n')}`,
    {
      hint: 'docs/import.md explains every part of a mapping.',
    },
  );
}

function collect(batch: readonly Delivery[], problems: RowProblem[]): void {
  for (const { record, origin } of batch) {
    if (record.kind !== 'rejection' || problems.length >= PROBLEMS_SHOWN) continue;
    const { reason, field, detail } = record.rejection;
    problems.push({ file: origin.topic, line: origin.offset, reason, field, detail });
  }
}

/** Prints the records of a batch, and waits where the reader of stdout is the slower one. */
async function printRecords(batch: readonly Delivery[], terminal: Terminal): Promise<void> {
  const lines: string[] = [];
  for (const { record } of batch) {
    if (record.kind === 'signal') lines.push(JSON.stringify(plainSignal(record.signal)));
    else if (record.kind === 'subscription')
      lines.push(JSON.stringify(plainSubscription(record.subscription)));
    else if (record.kind === 'outcome') lines.push(JSON.stringify(plainOutcome(record.outcome)));
  }
  if (lines.length === 0) return;
  if (!terminal.stdout.write(`${lines.join('\n')}\n`)) await once(terminal.stdout, 'drain');
}

function report(
  source: ImportSource,
  problems: readonly RowProblem[],
  options: Options,
  terminal: Terminal,
): void {
  const rejected = source.report.reduce((sum, file) => sum + file.rejected, 0);
  const dryRun = options.dryRun === true;
  if (options.json === true) {
    printJson(terminal, { dryRun, files: source.report, rejected, problems });
    return;
  }
  print(terminal, dryRun ? 'Nothing was stored. An import would give:' : 'Imported:');
  const columns = ['rows', 'signals', 'subscriptions', 'outcomes', 'skipped', 'unused', 'rejected'] as const;
  printTable(
    terminal,
    ['file', ...columns],
    source.report.map((file) => [file.path, ...columns.map((column) => file[column])]),
  );
  printProblems(source, problems, (line) => print(terminal, line));
}

function printProblems(
  source: ImportSource,
  problems: readonly RowProblem[],
  write: (line: string) => void,
): void {
  for (const { file, line, reason, detail } of problems) write(`${file}:${line}: ${detail} [${reason}]`);
  const more = source.report.reduce((sum, { rejected }) => sum + rejected, 0) - problems.length;
  if (more > 0) write(`and ${more} more rejected rows.`);
}
