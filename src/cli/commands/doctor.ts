import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { Settings } from '../../core/settings.js';
import { quoteText } from '../../core/sql-text.js';
import { listFolder } from '../../core/text-files.js';
import { unreadSettings } from '../../core/unread-settings.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { lookbackDays } from '../../features/lookback.js';
import { brokersOf } from '../../kafka/client.js';
import { unreadFiles } from '../../rules/rule-folder.js';
import type { Scoring } from '../../scoring/load.js';
import { RUNNING_STATUSES } from '../../signals/subscription.js';
import { inUnits, lowDisks, readDisks, readTableSizes } from '../../store/disk-space.js';
import { holdsStore } from '../../store/open-store.js';
import { readTtls } from '../../store/retention.js';
import { readScoringFailures } from '../../store/scoring-failures.js';
import type { Store } from '../../store/store.js';
import { silentLogger } from '../../telemetry/log.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-codes.js';
import {
  addEngineFlags,
  type EngineFlags,
  openMigratedStore,
  openToRead,
  settingsOf,
  settling,
} from '../open-engine.js';
import { partsInWords, partsNotInUse } from '../parts-not-in-use.js';
import { print, printJson } from '../terminal.js';
import { topicStates } from '../topic-states.js';

interface Options extends EngineFlags {
  readonly json?: boolean;
}

const LARGEST_TABLES = 3;

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was found, and what to do when it is not well. */
  readonly detail: string;
}

export function doctorCommand(context: CommandContext): Command {
  const { terminal } = context;
  return addEngineFlags(new Command('doctor'))
    .description('check the machine, the settings, Kafka, the store, and the files of scoring and rules')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Ends with 3 when something is not well, and says what to do. Changes nothing.

Examples:
  perennial doctor
  KAFKA_BROKERS=localhost:9092 CLICKHOUSE_URL=http://localhost:8123/perennial perennial doctor --json
`,
    )
    .action(async (options: Options) => {
      const findings = await examine(terminal.env, () => settingsOf(terminal, options));
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

/** One check: resolves to what was found well, and throws what is not. */
type Check = <T>(name: string, work: () => Promise<{ detail: string; value: T }>) => Promise<T | undefined>;

async function examine(env: NodeJS.ProcessEnv, read: () => Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  const check: Check = async (name, work) => {
    try {
      const { detail, value } = await work();
      findings.push({ check: name, ok: true, detail });
      return value;
    } catch (thrown) {
      const { message, hint } = PerennialError.from(thrown);
      findings.push({
        check: name,
        ok: false,
        detail: hint === undefined ? message : `${sentence(message)} ${hint}`,
      });
      return undefined;
    }
  };
  await check('node', async () => ({ detail: examineNode(), value: undefined }));
  const settings = await check('settings', async () => {
    refuseUnknown(env);
    return { detail: 'readable', value: read() };
  });
  if (settings === undefined) return findings;
  if (brokersOf(settings).length > 0)
    await check('kafka', async () => ({ detail: await examineKafka(settings), value: undefined }));
  await examineStore(settings, check);
  return findings;
}

function sentence(message: string): string {
  return /[.!?:]$/.test(message) ? message : `${message}.`;
}

function examineNode(): string {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new PerennialError('failed_precondition', `Node ${process.versions.node} is too old.`, {
      hint: 'Install 20.19 or newer.',
    });
  }
  return process.versions.node;
}

/** A mistyped variable is not read by anything, and nobody would notice. */
function refuseUnknown(env: NodeJS.ProcessEnv): void {
  const unread = unreadSettings(env);
  if (unread.length === 0) return;
  throw new PerennialError('invalid_argument', unread.join(' '), {
    hint: 'docs/operations.md lists every setting.',
  });
}

async function examineKafka(settings: Settings): Promise<string> {
  const states = await topicStates(settings, silentLogger());
  const wrong = states.flatMap(({ topic, problems }) => problems.map((problem) => `${topic} ${problem}`));
  if (wrong.length > 0) {
    throw new PerennialError('failed_precondition', `${wrong.join('; ')}.`, {
      hint: 'perennial topics create makes those that are missing.',
    });
  }
  return `${settings.KAFKA_BROKERS}: ${states.length} topics are as they should be`;
}

/** The store, and what needs one to be checked. Where there is no store yet, one in a temporary directory does. */
async function examineStore(settings: Settings, check: Check): Promise<void> {
  const fresh =
    settings.CLICKHOUSE_URL === '' &&
    settings.PERENNIAL_SERVER === '' &&
    !holdsStore(settings.PERENNIAL_DATA);
  const directory = mkdtempSync(join(tmpdir(), 'perennial-doctor-'));
  try {
    const store = await check('store', async () => {
      if (!fresh) {
        const opened = await openToRead(settings);
        return { detail: opened.name, value: opened };
      }
      const empty = await openMigratedStore({ ...settings, PERENNIAL_DATA: directory });
      return { detail: `embedded, no data in ${settings.PERENNIAL_DATA} yet`, value: empty };
    });
    if (store === undefined) return;
    try {
      const scoring = await check('definitions', () => examineDefinitions(store, settings));
      if (scoring !== undefined)
        await check('scorecards', async () => ({
          detail: await examineScorecards(store, scoring),
          value: undefined,
        }));
      await check('accounts', async () => ({ detail: await examineAccounts(store), value: undefined }));
      await check('disk', async () => ({ detail: await examineDisk(store, settings), value: undefined }));
      await check('contracts', async () => ({ detail: await examineContracts(store), value: undefined }));
      await check('signals', async () => ({ detail: await examineSignals(store), value: undefined }));
    } finally {
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function examineDefinitions(
  store: Store,
  settings: Settings,
): Promise<{ detail: string; value: Scoring }> {
  const { scoring, plan } = await loadDefinitions(
    store,
    settings.PERENNIAL_SCORING,
    settings.PERENNIAL_RULES,
    settling(settings),
  );
  const kept = settings.PERENNIAL_KEEP_SIGNALS_DAYS;
  const back = lookbackDays(scoring.catalogue);
  if (kept !== '' && kept > 0 && kept < back)
    throw new PerennialError(
      'failed_precondition',
      `Features look back ${back} days, and signals are kept for ${kept} (PERENNIAL_KEEP_SIGNALS_DAYS).`,
      { hint: 'Keep them longer, or let features look back less far.' },
    );
  const unread = unreadFiles(listFolder(settings.PERENNIAL_RULES));
  const detail =
    `scoring ${scoring.revision} (${scoring.catalogue.features.length} features, ${scoring.scorecards.length} scorecards), ` +
    `rules ${plan.set.revision} (${plan.set.rules.length} rules, ${plan.set.guardrails.length} guardrails)` +
    (unread.length === 0 ? '' : `; not read in ${settings.PERENNIAL_RULES}: ${unread.join(', ')}`);
  return { detail, value: scoring };
}

async function examineScorecards(store: Store, scoring: Scoring): Promise<string> {
  const parts = await partsNotInUse(store, scoring, systemClock());
  if (parts.every(({ share }) => share === 1)) return 'nothing that they need was sent yet';
  const said = partsInWords(parts);
  return said.length === 0 ? 'all of each is in use' : said.join(' ');
}

async function examineAccounts(store: Store): Promise<string> {
  const { accounts, first } = await readScoringFailures(store, systemClock());
  if (accounts === 0) return 'each can be scored';
  const named = first.map(({ accountId, reason }) => `${accountId} (${reason})`).join(', ');
  throw new PerennialError(
    'failed_precondition',
    `${accounts} can't be scored: ${named}${accounts > first.length ? ', …' : ''}.`,
    {
      hint: 'They keep their last risk and are tried again; all others are scored. Most often a value of one signal is the cause: perennial signals retract --source SOURCE --id ID takes it out, and --account ACCOUNT everything of an account.',
    },
  );
}

/** A disk that fills up stops all writing; what takes the space can be kept for less long. */
async function examineDisk(store: Store, settings: Settings): Promise<string> {
  const disks = await readDisks(store);
  const [tables, ttls] = [await readTableSizes(store), await readTtls(store)];
  const largest = tables
    .slice(0, LARGEST_TABLES)
    .map(({ table, bytes }) => `${table} ${inUnits(bytes)}${ttls.get(table) === '' ? ', kept for ever' : ''}`)
    .join('; ');
  const low = lowDisks(disks, settings.PERENNIAL_DISK_FREE_PERCENT);
  if (low !== undefined)
    throw new PerennialError('failed_precondition', `${low} Largest tables: ${largest || 'none'}.`, {
      hint: 'Enlarge it, or keep less (PERENNIAL_KEEP_*_DAYS).',
    });
  const free = disks.map(({ name, freeBytes }) => `${inUnits(freeBytes)} free on ${name}`).join(', ');
  return [free, largest].filter((text) => text !== '').join('; ');
}

/** An outcome says how a term ended; that a contract does not run any more is said by the subscription itself. */
async function examineContracts(store: Store): Promise<string> {
  const [found] = await store.rows<{ left: number; example: string; source: string }>(
    `SELECT count() AS left, any(s.subscription_id) AS example, any(o.source) AS source
     FROM (SELECT account_id, subscription_id, occurred_at FROM subscriptions WHERE status IN (${RUNNING_STATUSES.map(quoteText).join(', ')})) AS s
     INNER JOIN (
       SELECT account_id, subscription_id, argMax(kind, occurred_at) AS last, argMax(source, occurred_at) AS source,
         argMax(greatest(occurred_at, ifNull(toDateTime64(term_end, 3, 'UTC'), occurred_at)), occurred_at) AS over_at
       FROM outcomes WHERE kind IN ('renewed', 'churned') GROUP BY account_id, subscription_id
     ) AS o ON o.account_id = s.account_id AND o.subscription_id = s.subscription_id
     WHERE o.last = 'churned' AND o.over_at > s.occurred_at AND o.over_at <= now64(3)`,
  );
  const { left = 0, example = '', source = '' } = found ?? {};
  if (left === 0) return 'none runs on after it was said to have ended';
  throw new PerennialError(
    'failed_precondition',
    `${left} are scored though an outcome says that they churned, for instance ${example} (source ${source}).`,
    {
      hint: 'An outcome says how a term ended, and not that the contract is over: have the producer send the subscription, too, with status ended or its end.',
    },
  );
}

async function examineSignals(store: Store): Promise<string> {
  const [counts] = await store.rows<{ signals: number; rejected: number; subscriptions: number }>(
    `SELECT (SELECT count() FROM signals) AS signals, (SELECT count() FROM rejected_signals) AS rejected,
       (SELECT count() FROM subscriptions) AS subscriptions`,
  );
  // A record of another type under one identity corrects the first: most often the producer has used an id twice.
  const [reused] = await store.rows<{ reused: number; example: string }>(
    `SELECT count() AS reused, any(source) AS example FROM (
       SELECT source, id FROM signal_versions
       WHERE ended IN ('', 'corrected')
         AND (source, id) IN (SELECT source, id FROM signal_versions WHERE ended = 'corrected' LIMIT 1000)
       GROUP BY source, id HAVING uniqExact(category, type) > 1)`,
  );
  if (reused !== undefined && reused.reused > 0) {
    throw new PerennialError(
      'failed_precondition',
      `${reused.reused} signals were replaced by one of another type under the same identity (source, id), for instance of source ${reused.example}.`,
      {
        hint: 'A later record with the same identity is a correction, and what it replaced no longer counts. If these are two facts, have that producer send each under an id of its own. The view signal_versions has both.',
      },
    );
  }
  const { signals = 0, rejected = 0, subscriptions = 0 } = counts ?? {};
  return `${signals.toLocaleString('en-US')} signals, ${subscriptions.toLocaleString('en-US')} subscriptions, ${rejected.toLocaleString('en-US')} messages rejected`;
}
