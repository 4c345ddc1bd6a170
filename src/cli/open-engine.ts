import type { Command } from 'commander';
import { type Clock, systemClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { readSettings } from '../core/read-settings.js';
import type { Settings } from '../core/settings.js';
import type { SettleOptions } from '../core/text-files.js';
import { type Definitions, loadDefinitions, loadStartDefinitions } from '../engine/definitions.js';
import { Engine } from '../engine/engine.js';
import { migrate } from '../store/migrate.js';
import { holdsStore, openStore } from '../store/open-store.js';
import { recordActivation } from '../store/rule-activations.js';
import { requireSchema } from '../store/schema-state.js';
import { assertNoFence } from '../store/scorer-fence.js';
import type { Store } from '../store/store.js';
import { createLogger, type Logger } from '../telemetry/log.js';
import { RemoteStore, storeIsHeld } from './remote-store.js';
import { connectRunning } from './running-engine.js';
import type { Terminal } from './terminal.js';

/** Flags of every command that works on the store. They win over the environment. */
export interface StoreFlags {
  readonly data?: string;
  readonly server?: string;
}

export interface EngineFlags extends StoreFlags {
  readonly rules?: string;
  readonly scoring?: string;
}

export function addStoreFlags(command: Command): Command {
  return command.option('--data <dir>', 'data directory of the embedded ClickHouse (PERENNIAL_DATA, ./data)');
}

/** The same for a command that reads, or that acts on decisions: it may ask a server. */
export function addReadFlags(command: Command): Command {
  return addStoreFlags(command).option(
    '--server <address>',
    'ask the API at host:port, with PERENNIAL_TOKEN (PERENNIAL_SERVER; default: the process that holds the store, else the store)',
  );
}

export function addEngineFlags(command: Command): Command {
  return addDefinitionFlags(addStoreFlags(command));
}

/** The same for a command that may ask a server. */
export function addEngineReadFlags(command: Command): Command {
  return addDefinitionFlags(addReadFlags(command));
}

function addDefinitionFlags(command: Command): Command {
  return command
    .option('--rules <dir>', 'folder with rules, offers and guardrails (PERENNIAL_RULES, ./rules)')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)');
}

/** The settings with the flags put over them. */
export function settingsOf(terminal: Terminal, flags: EngineFlags): Settings {
  return readSettings(terminal.env, {
    ...(flags.data === undefined
      ? {}
      : { PERENNIAL_DATA: flags.data, CLICKHOUSE_URL: '', PERENNIAL_SERVER: '' }),
    ...(flags.server === undefined ? {} : { PERENNIAL_SERVER: flags.server }),
    ...(flags.rules === undefined ? {} : { PERENNIAL_RULES: flags.rules }),
    ...(flags.scoring === undefined ? {} : { PERENNIAL_SCORING: flags.scoring }),
  });
}

/** Where the settings say that the store is. */
export function storeOptions(settings: Settings) {
  return {
    dataDir: settings.PERENNIAL_DATA,
    url: settings.CLICKHOUSE_URL,
    user: settings.CLICKHOUSE_USER,
    password: settings.CLICKHOUSE_PASSWORD,
    ca: settings.CLICKHOUSE_TLS_CA,
  };
}

/** Opens the store of the settings and brings it up to date. */
export async function openMigratedStore(settings: Settings): Promise<Store> {
  const store = await openStore(storeOptions(settings));
  try {
    await migrate(store);
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/** Opens the store of the settings as it is: throws `not_found` or `failed_precondition` unless its tables are this version's. */
export async function openExistingStore(settings: Settings): Promise<Store> {
  const directory = settings.PERENNIAL_DATA;
  if (settings.CLICKHOUSE_URL === '' && !holdsStore(directory)) {
    throw new PerennialError('not_found', `There is no data in ${directory}.`, {
      hint: 'perennial demo, ingest and import put data in; --data and PERENNIAL_DATA name another directory.',
    });
  }
  const store = await openStore({ ...storeOptions(settings), create: false });
  try {
    await requireSchema(store);
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/**
 * Runs work on the store of the settings, and closes it whatever happens. Where a process holds that store and serves, it is read
 * through that process. Throws `not_found` when there is none: a mistyped directory must not look like a store without data.
 */
export async function withStore<T>(settings: Settings, work: (store: Store) => Promise<T>): Promise<T> {
  return closing(await openToRead(settings), work);
}

/** The store as `withStore` has it. The caller closes it. */
export async function openToRead(settings: Settings): Promise<Store> {
  const running = await connectRunning(settings);
  return running === undefined ? openExistingStore(settings) : new RemoteStore(running);
}

/** As `withStore`, for what writes. Throws `failed_precondition` where a process holds the store: that process alone writes. */
export async function withStoreToWrite<T>(
  settings: Settings,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  return closing(await openToWrite(settings), work);
}

async function openToWrite(settings: Settings): Promise<Store> {
  const running = await connectRunning(settings);
  if (running === undefined) return openExistingStore(settings);
  running.close();
  throw storeIsHeld();
}

/** As `withStore`, and makes the store and its tables, or brings them up to date. */
export async function withNewStore<T>(settings: Settings, work: (store: Store) => Promise<T>): Promise<T> {
  return closing(await openMigratedStore(settings), work);
}

async function closing<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** How long files of rules have to stand still before they count. */
export function settling({
  PERENNIAL_RULES_SETTLE_MS,
}: Pick<Settings, 'PERENNIAL_RULES_SETTLE_MS'>): SettleOptions {
  return { settleMs: PERENNIAL_RULES_SETTLE_MS, clock: systemClock };
}

/**
 * What a command does: asks; keeps something beside the present, such as a run; answers decisions, which it can under the last rules
 * that were live where the folder's are refused; or decides, so that the folder's go live.
 */
export type EngineUse = 'ask' | 'keep' | 'answer' | 'decide';

/**
 * Runs work on an engine that scores only when it is asked to. Throws `failed_precondition` for what writes beside a process that
 * holds the store, and for what decides beside scorers. Where it decides, it waits whether what a rules folder has lost returns, as a role does.
 */
export async function withEngine<T>(
  settings: Settings,
  use: EngineUse,
  work: (engine: Engine) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const opened = await (use === 'ask' ? openToRead(settings) : openToWrite(settings));
  return closing(opened, async (store) => {
    if (use === 'decide') await assertNoFence(store);
    const log = createLogger(settings.PERENNIAL_LOG_LEVEL);
    const definitions = await (use === 'answer'
      ? lastDefinitions(store, settings, log)
      : definitionsFor(use, store, settings, log));
    if (use === 'decide') await recordActivation(store, definitions.plan.set, clock());
    const engine = new Engine({ store, definitions, clock, log, fullRescoreEveryMs: null });
    try {
      return await work(engine);
    } finally {
      await engine.stop();
    }
  });
}

/** What the folders say. Throws `invalid_file` where that is not fit to go live. */
function definitionsFor(
  use: EngineUse,
  store: Store,
  { PERENNIAL_SCORING, PERENNIAL_RULES: folder, PERENNIAL_RULES_HOLD_MS: holdMs, ...settings }: Settings,
  log: Logger,
): Promise<Definitions> {
  const onHeld = (losses: readonly string[]) =>
    log.warn({ folder, losses, holdMs }, 'Rules have gone from the folder; waiting whether it stays so');
  return loadDefinitions(store, PERENNIAL_SCORING, folder, {
    ...settling(settings),
    ...(use === 'decide' ? { holdMs, onHeld } : {}),
  });
}

/** The same, or the last rules that were live: bad files must not keep anyone from taking back what they opened. */
async function lastDefinitions(store: Store, settings: Settings, log: Logger): Promise<Definitions> {
  const { PERENNIAL_SCORING: scoring, PERENNIAL_RULES: rules } = settings;
  const { refusal, ...definitions } = await loadStartDefinitions(
    store,
    { scoring, rules },
    settling(settings),
  );
  if (refusal !== null)
    log.warn(
      { folder: rules, reason: refusal.reason, running: definitions.plan.set.revision },
      'Rules refused; the last that were live count for this command',
    );
  return definitions;
}
