import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { PerennialError } from '../../core/errors.js';
import { engineMemory } from '../../core/memory.js';
import { quoteText } from '../sql-quote.js';
import { ClickHouseException, CODE } from './clickhouse-exception.js';

/** What one statement did, as the engine counts it. */
export interface EngineResult {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

/** What kind of statement a text holds. The engine's own parser says so; nothing here guesses from the text. */
export type StatementKind = 'read' | 'write' | 'global-write' | 'control' | 'unknown';

export interface Statement {
  /** Executable statements in the text. */
  readonly count: number;
  /** The most powerful kind among them. */
  readonly kind: StatementKind;
  /** Whether all that is written is in the database asked about. */
  readonly writesOnly: boolean;
}

/** The part of chdb's native addon that is used here: its JavaScript face does not classify. */
interface Addon {
  CreateConnection(path: string, args?: readonly string[]): unknown;
  CloseConnection(handle: unknown): void;
  QueryAsyncConnection(handle: unknown, sql: string, format: string): Promise<RawResult>;
  DurableClassifyAsync(
    handle: unknown,
    sql: string,
    database: string,
  ): Promise<{ statementCount: number; queryClass: number; writesOnlyTargetDatabase: boolean }>;
}

interface RawResult {
  bytes?: Uint8Array;
  rowsRead?: number;
  bytesRead?: number;
}

const KINDS: readonly StatementKind[] = ['read', 'write', 'global-write', 'control', 'unknown'];

/**
 * One connection to the embedded engine. Opening one costs less than 0.2 ms once the engine runs, so every call gets its own:
 * settings, parameters, the current database, temporary tables, and what is left of an answer that failed in the middle die with
 * it and can't leak into another's (ADR 0032, 0077). One statement at a time; `close` waits for the one that runs.
 */
export class EngineConnection {
  /** How many connections of this process there are to each directory. */
  static readonly #open = new Map<string, number>();
  /** The same for all connections: to ask the system each time is a fifth of what a connection costs. */
  static #memory: number | undefined;
  readonly #addon: Addon;
  readonly #path: string;
  #handle: unknown;
  #running: Promise<unknown> = Promise.resolve();

  /** Throws `failed_precondition` when another process, or another directory of this process, holds the engine. */
  constructor(dataDir: string) {
    this.#addon = addon();
    const path = resolve(dataDir);
    this.#path = path;
    // Where this process has a connection nobody else can have one; and to look takes the kernel some milliseconds.
    const own = EngineConnection.#open.get(path) ?? 0;
    const other = own > 0 ? undefined : lockHolder(path);
    if (other !== undefined) throw isHeld(path, other);
    EngineConnection.#memory ??= engineMemory();
    try {
      this.#handle = this.#addon.CreateConnection(path, [
        `--max_server_memory_usage=${EngineConnection.#memory}`,
        // Who may name a file is decided by those who take statements from others (ADR 0080, 0083).
        '--backups.allowed_path=/',
      ]);
    } catch (thrown) {
      throw isHeld(path, noted(path), thrown);
    }
    EngineConnection.#open.set(path, own + 1);
  }

  /** Settings of this connection from here on; a name with `param_` before it is a parameter of its statements. */
  async set(settings: Iterable<readonly [name: string, value: string]>): Promise<void> {
    const list = [...settings].map(([name, value]) => `${name} = ${quoteText(value)}`);
    if (list.length > 0) await this.run(`SET ${list.join(', ')}`);
  }

  /** Runs one statement off the event loop. The result's bytes are held in memory: for small results only. */
  run(sql: string, format = 'TSV'): Promise<EngineResult> {
    return this.#track((handle) => this.#addon.QueryAsyncConnection(handle, sql, format));
  }

  /** Parses without running. */
  async classify(sql: string, database = 'default'): Promise<Statement> {
    const handle = this.#opened();
    const call = this.#addon.DurableClassifyAsync(handle, sql, database);
    this.#running = call.catch(() => {});
    const found = await call;
    return {
      count: found.statementCount,
      kind: KINDS[found.queryClass] ?? 'unknown',
      writesOnly: found.writesOnlyTargetDatabase,
    };
  }

  /** The rows of a small query as objects. */
  async rows<T>(sql: string): Promise<T[]> {
    const text = Buffer.from((await this.run(sql, 'JSONEachRow')).bytes).toString();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  /** Closing under a running statement would take the whole engine down, so this waits for it. */
  async close(): Promise<void> {
    await this.#running;
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return;
    this.#addon.CloseConnection(handle);
    EngineConnection.#open.set(this.#path, EngineConnection.#open.get(this.#path)! - 1);
  }

  async #track(start: (handle: unknown) => Promise<RawResult>): Promise<EngineResult> {
    const call = start(this.#opened());
    this.#running = call.catch(() => {});
    try {
      const raw = await call;
      return {
        bytes: raw.bytes ?? new Uint8Array(0),
        rowsRead: raw.rowsRead ?? 0,
        bytesRead: raw.bytesRead ?? 0,
      };
    } catch (thrown) {
      throw ClickHouseException.from(thrown);
    }
  }

  #opened(): unknown {
    if (this.#handle === undefined) {
      throw new ClickHouseException(CODE.queryCancelled, 'QUERY_WAS_CANCELLED', 'The connection is closed.');
    }
    return this.#handle;
  }
}

let loaded: Addon | undefined;

/** The addon lies beside chdb's entry point; `require` from there finds the one that chdb itself has loaded. */
function addon(): Addon {
  if (loaded !== undefined) return loaded;
  let found: Addon;
  try {
    const entry = createRequire(import.meta.url).resolve('chdb');
    const { loadNative } = createRequire(entry)('./dist/loader.js') as { loadNative(): Addon };
    found = loadNative();
  } catch (thrown) {
    throw noEngine(thrown);
  }
  const needed: readonly (keyof Addon)[] = [
    'CreateConnection',
    'CloseConnection',
    'QueryAsyncConnection',
    'DurableClassifyAsync',
  ];
  const missing = needed.filter((name) => typeof found[name] !== 'function');
  if (missing.length > 0) {
    throw new PerennialError('failed_precondition', `The installed chdb lacks ${missing.join(', ')}.`, {
      hint: 'Run npm install: package.json names a chdb that has them.',
    });
  }
  loaded = found;
  return found;
}

function isHeld(path: string, pid: number | undefined, cause?: unknown): PerennialError {
  const holder = pid === undefined ? '' : `: process ${pid} holds it`;
  return new PerennialError('failed_precondition', `Can't open the data directory ${path}${holder}.`, {
    hint: 'One process at a time can hold it. Stop the other one, choose another directory with --data, or share one store between processes: `perennial clickhouse`, or `perennial up --clickhouse-port 8123`, and CLICKHOUSE_URL for the others.',
    cause,
  });
}

/**
 * The other process that has locked the directory, as far as the kernel says: the engine, which finds out by itself, writes a line
 * of its own to the terminal. Undefined also where there is no such list, as on macOS.
 */
function lockHolder(path: string): number | undefined {
  const locks = textOf('/proc/locks');
  const { ino } = statSync(join(path, 'status'), { throwIfNoEntry: false }) ?? {};
  if (locks === undefined || ino === undefined) return undefined;
  // The number of a file means something on its own device only, so the engine's note has to agree.
  for (const [, pid, inode] of locks.matchAll(/^\d+: FLOCK +ADVISORY +WRITE (\d+) \w+:\w+:(\d+) /gm))
    if (Number(inode) === ino && Number(pid) === noted(path)) return Number(pid);
  return undefined;
}

/** The other process that the engine's status file names: it has the directory, or had it when it died. */
function noted(path: string): number | undefined {
  const pid = Number(/PID: (\d+)/.exec(textOf(join(path, 'status')) ?? '')?.[1]);
  return Number.isNaN(pid) || pid === process.pid ? undefined : pid;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** There is no build of the embedded engine for this machine, or npm left it out. */
function noEngine(thrown: unknown): PerennialError {
  return new PerennialError(
    'failed_precondition',
    'The embedded ClickHouse does not run here: chdb has no build for this machine.',
    {
      hint: 'It needs Linux with glibc, or macOS. There, run npm install again, with optional packages. Elsewhere, set CLICKHOUSE_URL to a ClickHouse server.',
      cause: thrown,
    },
  );
}
