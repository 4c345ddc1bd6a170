import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { ndjsonFileSource, ndjsonStreamSource } from '../../ingest/ndjson-source.js';
import { runLoad } from '../../ingest/run-load.js';
import { Tally } from '../../ingest/tally.js';
import { checkKafkaSettings } from '../../kafka/client.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { untilStopped } from '../interrupt.js';
import { addStoreFlags, type StoreFlags, settingsOf, withNewStore } from '../open-engine.js';
import { counting } from '../progress.js';
import { runRole } from '../role.js';
import { ingestRole } from '../roles/ingest-role.js';
import { tellingScorers } from '../telling-scorers.js';
import { print, printJson, printTable } from '../terminal.js';
import { userName } from '../user-name.js';

interface Options extends StoreFlags {
  readonly json?: boolean;
}

export function ingestCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addStoreFlags(new Command('ingest'))
    .description('read signals, subscriptions and outcomes: from files, or as a role from Kafka')
    .argument(
      '[files...]',
      'NDJSON files, one JSON object a line; .gz is unpacked; "-" is stdin; none: from Kafka',
    )
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Lines that can't be read are kept in rejected_signals with file and line, and the rest goes in (exit code 7). Reading the
same files again changes nothing. Where KAFKA_BROKERS is set, scorers are told which accounts changed. docs/signals.md describes
the forms of a line.

Without files it is the ingest role: it reads the topics of KAFKA_BROKERS until it is stopped, and tells scorers which
accounts changed. With CLICKHOUSE_URL several of them share the work. docs/operations.md lists every setting.

Examples:
  perennial ingest simulated/*.ndjson
  KAFKA_BROKERS=localhost:9092 CLICKHOUSE_URL=http://localhost:8123/perennial perennial ingest
`,
    )
    .action(async (files: string[], options: Options) => {
      const settings = settingsOf(terminal, options);
      if (files.length === 0) {
        // Before anything is opened: a wrong setting is reported at once.
        checkKafkaSettings(settings);
        await runRole('ingest', settings, terminal, ingestRole);
        return;
      }
      const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
      const progress = counting(terminal);
      const plan = { kind: 'files', source: '', mapping: '', files, by: userName() } as const;
      const { result, said } = await withNewStore(settings, (store) =>
        tellingScorers(settings, store, (tell) =>
          runLoad(
            store,
            plan,
            systemClock,
            async (write) => {
              await untilStopped('Reading', async (signal) => {
                for (const file of files) {
                  const source =
                    file === '-'
                      ? ndjsonStreamSource('stdin', process.stdin, { catalogue, clock: systemClock })
                      : ndjsonFileSource(file, { catalogue, clock: systemClock });
                  await source.run(async (batch) => {
                    await write(batch);
                    progress.add(batch.length);
                  }, signal);
                }
              });
            },
            tell,
          ),
        ),
      ).finally(progress.done);
      const { load, tally } = result;
      if (options.json === true) printJson(terminal, { load: load.id, ...tally.json() });
      else {
        printTable(terminal, Tally.HEAD, tally.rows());
        print(terminal, `perennial loads undo ${load.id} takes it back.`);
        if (said !== undefined) print(terminal, said);
        if (tally.retractions > 0)
          print(terminal, `${tally.retractions} records were taken back by those who had sent them.`);
        if (tally.erased > 0)
          print(terminal, `${tally.erased} records were left out: their accounts were erased.`);
        if (tally.rejections > 0) {
          print(terminal, `${tally.rejections} lines were rejected.`);
          print(
            terminal,
            'See what was wrong: perennial sql "SELECT _topic, _offset, reason, detail FROM rejected_signals LIMIT 20"',
          );
        }
      }
      if (tally.rejections > 0) context.exitCode = EXIT.rejected;
    });
}
