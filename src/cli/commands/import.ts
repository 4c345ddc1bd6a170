import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { formatProblem } from '../../core/problem.js';
import { loadMapping, type Mapping } from '../../ingest/import/mapping.js';
import { importSource } from '../../ingest/import-source.js';
import { type LoadPlan, type LoadResult, runLoad } from '../../ingest/run-load.js';
import type { Delivery } from '../../ingest/signal-source.js';
import { plainOutcome, plainSignal, plainSubscription } from '../../signals/serialise.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { printImport } from '../import-report.js';
import { untilStopped } from '../interrupt.js';
import { addStoreFlags, type StoreFlags, settingsOf, withNewStore } from '../open-engine.js';
import { counting } from '../progress.js';
import { tellingScorers } from '../telling-scorers.js';
import { print, type Terminal, writePaced } from '../terminal.js';
import { userName } from '../user-name.js';

interface Options extends StoreFlags {
  readonly dryRun?: boolean;
  readonly print?: boolean;
  readonly replace?: boolean;
  readonly json?: boolean;
}

export function importCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addStoreFlags(new Command('import'))
    .description('import CSV, NDJSON or JSON exports by a mapping file')
    .argument('<mapping>', 'mapping file: which columns become which signals, subscriptions and outcomes')
    .argument('<files...>', 'exports; .gz is unpacked')
    .option('--dry-run', 'read and check everything, store nothing')
    .option('--print', 'with --dry-run: print the records, one JSON object a line')
    .option(
      '--replace',
      "take out what earlier imports of the mapping's source brought and this one does not",
    )
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Rows that fail are rejected with file and line, and the rest goes in (exit code 7). Importing the same files again
changes nothing; a record that comes with other contents is corrected. perennial loads lists imports, and undoes one.
Where KAFKA_BROKERS is set, scorers are told which accounts changed. docs/import.md explains the mapping file; examples/ has some.

Example:
  perennial import examples/ravenstack/mapping.yaml exports/*.csv --dry-run
`,
    )
    .action(async (mappingPath: string, files: string[], options: Options) => {
      refuse(options);
      const settings = settingsOf(terminal, options);
      const mapping = readMappingFile(mappingPath);
      const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
      const source = importSource(mapping, files, { catalogue, clock: systemClock });
      const progress = counting(terminal);
      const run = (deliver: (batch: readonly Delivery[]) => Promise<unknown>) =>
        untilStopped('The import', (signal) =>
          source.run(async (batch) => {
            await deliver(batch);
            progress.add(batch.length);
            if (options.print === true) await printRecords(batch, terminal);
          }, signal),
        );
      let result: LoadResult | undefined;
      let said: string | undefined;
      if (options.dryRun === true) await run(async () => {}).finally(progress.done);
      else {
        const plan: LoadPlan = {
          kind: 'import',
          source: mapping.data.source,
          mapping: mappingPath,
          files,
          by: userName(),
          replace: options.replace === true,
        };
        const told = await withNewStore(settings, (store) =>
          tellingScorers(settings, store, (tell) =>
            runLoad(store, plan, systemClock, async (write) => void (await run(write)), tell),
          ),
        ).finally(progress.done);
        ({ result, said } = told);
      }
      printImport(terminal, source, result, options);
      if (said !== undefined && options.json !== true) print(terminal, said);
      if (source.report.some(({ rejected }) => rejected > 0)) context.exitCode = EXIT.rejected;
    });
}

function refuse({ dryRun, print, replace }: Options): void {
  if (print === true && dryRun !== true)
    throw new PerennialError('invalid_argument', '--print goes with --dry-run only.');
  if (replace === true && dryRun === true)
    throw new PerennialError(
      'invalid_argument',
      '--replace does not go with --dry-run: that knows nothing of the store.',
    );
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
  await writePaced(terminal.stdout, `${lines.join('\n')}\n`);
}
