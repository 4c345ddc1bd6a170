import { Command, Option } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { touchedBy } from '../../ingest/kafka/ingest-worker.js';
import { replayRejections } from '../../ingest/replay.js';
import { brokersOf, createKafka } from '../../kafka/client.js';
import { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import { topicNames } from '../../kafka/topics.js';
import { publishTouched } from '../../kafka/touched.js';
import { REJECTION_REASONS } from '../../signals/signal.js';
import { countRejections, listRejections } from '../../store/rejected-signals.js';
import { silentLogger } from '../../telemetry/log.js';
import { time, wholeNumber } from '../arguments.js';
import { readCatalogueFile } from '../catalogue-file.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { withTimes } from '../json-times.js';
import { addStoreFlags, type StoreFlags, settingsOf, withStore } from '../open-engine.js';
import { harmless, print, printJson, printTable } from '../terminal.js';

interface Filter extends StoreFlags {
  readonly reason?: string;
  readonly topic?: string;
  readonly since?: number;
  readonly json?: boolean;
}

interface ListOptions extends Filter {
  readonly limit: number;
  readonly raw?: boolean;
  readonly count?: boolean;
}

export function rejectedCommand(context: CommandContext): Command {
  const command = new Command('rejected').description('look at rejected messages, and read them again');
  addFilter(command.command('list').description('list rejected messages, by where they came from'))
    .option('--limit <number>', 'how many, up to 1000', wholeNumber, 20)
    .option('--count', 'only count them, by reason and topic')
    .option('--raw', 'print the messages too: they may hold personal data')
    .action((options: ListOptions) => list(context, options));
  addFilter(
    command.command('replay').description('read rejected messages again, and store those that can be read'),
  )
    .addHelpText(
      'after',
      `
After a fix of the signal catalogue, of a limit or of Perennial itself. What still can't be read stays rejected (exit
code 7). Scorers are notified through KAFKA_BROKERS, where it is set.

Example:
  perennial rejected replay --reason bad_type --since 2026-01-01
`,
    )
    .action((options: Filter) => replay(context, options));
  return command;
}

function addFilter(command: Command): Command {
  return addStoreFlags(command)
    .addOption(new Option('--reason <code>', 'only this reason').choices(REJECTION_REASONS))
    .option('--topic <name>', 'only from this Kafka topic or file')
    .option('--since <time>', 'only what arrived from this time on', time)
    .option('--json', 'as JSON, one object a line');
}

function filterOf({ reason, topic, since }: Filter) {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(topic === undefined ? {} : { topic }),
    ...(since === undefined ? {} : { since }),
  };
}

async function list({ terminal }: CommandContext, options: ListOptions): Promise<void> {
  if (options.limit < 1 || options.limit > 1000)
    throw new PerennialError('invalid_argument', '--limit is from 1 to 1000.');
  const settings = settingsOf(terminal, options);
  if (options.count === true) {
    const counts = await withStore(settings, (store) => countRejections(store, filterOf(options)));
    if (options.json === true) for (const line of counts) printJson(terminal, withTimes(line, 'last'));
    else
      printTable(
        terminal,
        ['reason', 'topic', 'count', 'last'],
        counts.map(({ reason, topic, count, last }) => [reason, topic, count, new Date(last).toISOString()]),
      );
    return;
  }
  // One more than asked for tells whether there are more.
  const all = await withStore(settings, (store) =>
    listRejections(store, { ...filterOf(options), limit: options.limit + 1 }),
  );
  const found = all.slice(0, options.limit);
  if (options.json === true) {
    for (const { raw, ...rest } of found) {
      const line = withTimes(rest, 'receivedAt');
      printJson(
        terminal,
        options.raw === true ? { ...line, raw: Buffer.from(raw).toString('base64') } : line,
      );
    }
    return;
  }
  if (found.length === 0) print(terminal, 'No message was rejected.');
  for (const { origin, reason, detail, field, raw } of found) {
    // A file has lines and no partitions.
    const place =
      origin.partition < 0 ? [origin.topic, origin.offset] : [origin.topic, origin.partition, origin.offset];
    const where = field === '' || detail.includes(`\`${field}\``) ? '' : ` (${harmless(field)})`;
    print(terminal, `${place.join(':')}: ${detail}${where} [${reason}]`);
    if (options.raw === true) print(terminal, `  ${shown(raw)}`);
  }
  if (all.length > found.length) print(terminal, 'There are more: raise --limit, or see --count.');
}

/** Longest part of a message that is shown to people. */
const SHOWN_BYTES = 2_000;

/** The beginning of a message, for a terminal. */
function shown(raw: Uint8Array): string {
  if (raw.length === 0) return '(empty)';
  const start = harmless(Buffer.from(raw.subarray(0, SHOWN_BYTES)).toString('utf8'));
  return raw.length > SHOWN_BYTES ? `${start}… (${raw.length} bytes; --json has them all)` : start;
}

async function replay(context: CommandContext, options: Filter): Promise<void> {
  const { terminal } = context;
  const settings = settingsOf(terminal, options);
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  const names = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const producer = await producerOf(settings);
  try {
    const summary = await withStore(settings, (store) =>
      replayRejections(
        store,
        catalogue,
        settings.KAFKA_TOPIC_PREFIX,
        filterOf(options),
        async (batch, { accounts }) => {
          if (producer !== undefined)
            await publishTouched(producer, names.touched, touchedBy(batch, accounts));
        },
      ),
    );
    if (summary.accepted < summary.read) context.exitCode = EXIT.rejected;
    if (options.json === true) {
      printJson(terminal, summary);
      return;
    }
    print(terminal, `Read ${summary.read} rejected messages again: ${summary.accepted} are stored now.`);
    for (const [fate, count] of Object.entries(summary.fates))
      if (count > 0) print(terminal, `  ${count} ${fate}`);
    for (const [reason, count] of Object.entries(summary.stillRejected))
      print(terminal, `  ${count} still rejected: ${reason}`);
  } finally {
    await producer?.disconnect();
  }
}

async function producerOf(settings: Settings): Promise<ConfirmedProducer | undefined> {
  if (brokersOf(settings).length === 0) return undefined;
  const producer = new ConfirmedProducer(createKafka(settings, silentLogger()));
  await producer.connect();
  return producer;
}
