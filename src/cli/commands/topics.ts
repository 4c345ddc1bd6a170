import { Command } from 'commander';
import { readSettings } from '../../core/read-settings.js';
import { createKafka } from '../../kafka/client.js';
import { createTopics, type TopicState, withAdmin } from '../../kafka/topic-admin.js';
import { topicPlans } from '../../kafka/topics.js';
import { createLogger } from '../../telemetry/log.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { print, printJson, printTable, type Terminal } from '../terminal.js';
import { topicStates } from '../topic-states.js';

interface Options {
  readonly json?: boolean;
}

export function topicsCommand(context: CommandContext): Command {
  const command = new Command('topics').description('create or check the Kafka topics of KAFKA_BROKERS');
  command
    .command('create')
    .description('create the topics that are missing; existing ones are left as they are')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  KAFKA_BROKERS=localhost:9092 perennial topics create\n')
    .action((options: Options) => create(context, options));
  command
    .command('check')
    .description(
      'compare partitions, copies, retention and compaction with what Perennial needs (exit code 3)',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  KAFKA_BROKERS=localhost:9092 perennial topics check\n')
    .action((options: Options) => check(context, options));
  return command;
}

async function create(context: CommandContext, options: Options): Promise<void> {
  const { terminal } = context;
  const { settings, logger } = setUp(terminal);
  const admin = createKafka(settings, logger).admin();
  const created = await withAdmin(admin, (connected) => createTopics(connected, topicPlans(settings)));
  if (options.json === true) {
    printJson(terminal, { created });
    return;
  }
  if (created.length === 0)
    print(terminal, 'All topics exist already. perennial topics check compares them.');
  for (const topic of created) print(terminal, `created ${topic}`);
}

async function check(context: CommandContext, options: Options): Promise<void> {
  const { terminal } = context;
  const { settings, logger } = setUp(terminal);
  const states = await topicStates(settings, logger);
  if (options.json === true) printJson(terminal, { topics: states });
  else report(terminal, states);
  if (states.some(({ problems }) => problems.length > 0)) context.exitCode = EXIT.check;
}

function setUp(terminal: Terminal) {
  const settings = readSettings(terminal.env);
  return { settings, logger: createLogger(settings.PERENNIAL_LOG_LEVEL, terminal.stderr) };
}

function report(terminal: Terminal, states: readonly TopicState[]): void {
  printTable(
    terminal,
    ['topic', 'partitions', 'copies', 'state'],
    states.map(({ topic, partitions, replication, problems }) => [
      topic,
      partitions,
      replication,
      problems.length === 0 ? 'ok' : problems.join('; '),
    ]),
  );
}
