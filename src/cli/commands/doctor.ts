import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { createKafka } from '../../kafka/client.js';
import { checkTopics, withAdmin } from '../../kafka/topic-admin.js';
import { topicPlans } from '../../kafka/topics.js';
import type { Store } from '../../store/store.js';
import { silentLogger } from '../../telemetry/log.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import { addEngineFlags, type EngineFlags, openMigratedStore, settingsOf } from '../open-engine.js';
import { print, printJson } from '../terminal.js';

interface Options extends EngineFlags {
  readonly json?: boolean;
}

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was found, and what to do when it is not well. */
  readonly detail: string;
}

export function doctorCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addEngineFlags(new Command('doctor'))
    .description(
      'check the machine, the settings, the Kafka topics, the store, and the files of scoring and rules',
    )
    .option('--json', 'one JSON object a line')
    .action(async (options: Options) => {
      const findings = await examine(() => settingsOf(terminal, options));
      for (const finding of findings) {
        if (options.json === true) printJson(terminal, finding);
        else
          print(
            terminal,
            `${finding.ok ? terminal.colors.green('ok ') : terminal.colors.red('bad')}  ${finding.check}: ${finding.detail}`,
          );
      }
      if (findings.some(({ ok }) => !ok)) context.exitCode = EXIT.check;
    });
}

async function examine(readSettings: () => ReturnType<typeof settingsOf>): Promise<Finding[]> {
  const findings: Finding[] = [];
  const check = async <T>(
    name: string,
    work: () => Promise<{ detail: string; value: T }>,
  ): Promise<T | undefined> => {
    try {
      const { detail, value } = await work();
      findings.push({ check: name, ok: true, detail });
      return value;
    } catch (thrown) {
      const { message, hint } = PerennialError.from(thrown);
      findings.push({ check: name, ok: false, detail: hint === undefined ? message : `${message} ${hint}` });
      return undefined;
    }
  };
  await check('node', async () => {
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
    if (major < 20 || (major === 20 && minor < 19)) {
      throw new PerennialError('failed_precondition', `Node ${process.versions.node} is too old.`, {
        hint: 'Install 20.19 or newer.',
      });
    }
    return { detail: process.versions.node, value: undefined };
  });
  const settings = await check('settings', async () => ({ detail: 'readable', value: readSettings() }));
  if (settings === undefined) return findings;
  if (settings.KAFKA_BROKERS !== '')
    await check('kafka', async () => ({ detail: await examineTopics(settings), value: undefined }));
  const embedded = settings.CLICKHOUSE_URL === '';
  const fresh = embedded && !existsSync(settings.PERENNIAL_DATA);
  const store = await check('store', async () => {
    const opened = await openMigratedStore(settings);
    return { detail: `${opened.name}${fresh ? ' (new and empty)' : ''}`, value: opened };
  });
  if (store === undefined) return findings;
  try {
    await check('definitions', async () => {
      const { scoring, plan } = await loadDefinitions(
        store,
        settings.PERENNIAL_SCORING,
        settings.PERENNIAL_RULES,
      );
      const detail = `scoring ${scoring.revision} (${scoring.catalogue.features.length} features, ${scoring.scorecards.length} scorecards), rules ${plan.set.revision} (${plan.set.rules.length} rules)`;
      return { detail, value: undefined };
    });
    await check('signals', async () => ({ detail: await examineSignals(store), value: undefined }));
  } finally {
    await store.close();
  }
  return findings;
}

async function examineTopics(settings: Settings): Promise<string> {
  const admin = createKafka(settings, silentLogger()).admin();
  const states = await withAdmin(admin, (connected) => checkTopics(connected, topicPlans(settings)));
  const wrong = states.filter(({ problems }) => problems.length > 0).map(({ topic }) => topic);
  if (wrong.length === 0) return `${states.length} topics are as they should be`;
  throw new PerennialError('failed_precondition', `Not as they should be: ${wrong.join(', ')}.`, {
    hint: '`perennial topics check` says what is wrong, `perennial topics create` makes those that are missing.',
  });
}

async function examineSignals(store: Store): Promise<string> {
  const [counts] = await store.rows<{ signals: number; rejected: number; subscriptions: number }>(
    `SELECT (SELECT count() FROM signals) AS signals, (SELECT count() FROM rejected_signals) AS rejected,
       (SELECT count() FROM subscriptions) AS subscriptions`,
  );
  // Identity is (source, id): a producer that repeats one with another time or type makes two signals of it.
  const [repeats] = await store.rows<{ repeated: number; example: string }>(
    `SELECT count() AS repeated, any(source) AS example FROM (
       SELECT account_id, source, id FROM signals GROUP BY account_id, source, id HAVING count() > 1 LIMIT 1000)`,
  );
  if (repeats !== undefined && repeats.repeated > 0) {
    throw new PerennialError(
      'failed_precondition',
      `${repeats.repeated === 1000 ? '1000 or more' : repeats.repeated} signals have an identity (source, id) that another one has too, for instance of source ${repeats.example}.`,
      {
        hint: 'That producer repeats an id with another time or type; each then counts by itself. Have it send every fact under one id.',
      },
    );
  }
  const { signals = 0, rejected = 0, subscriptions = 0 } = counts ?? {};
  return `${signals.toLocaleString('en-US')} signals, ${subscriptions.toLocaleString('en-US')} subscriptions, ${rejected.toLocaleString('en-US')} messages rejected`;
}
