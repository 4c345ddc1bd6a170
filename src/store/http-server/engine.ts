import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { PerennialError } from '../../core/errors.js';
import { noEngine } from '../store-error.js';
import { ClickHouseException, CODE } from './exception.js';

/** What one statement did, as the engine counts it. */
export interface EngineResult {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
}

/** What kind of statement a text holds. The engine's own parser says so; nothing here guesses from the text. */
export type StatementKind = 'read' | 'write' | 'global-write' | 'control' | 'unknown';

export interface Statement {
  /** Executable statements in the text. */
  readonly count: number;
  /** The most powerful kind among them. */
  readonly kind: StatementKind;
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
  ): Promise<{ statementCount: number; queryClass: number }>;
}

interface RawResult {
  bytes?: Uint8Array;
  rowsRead?: number;
  bytesRead?: number;
  rowsWritten?: number;
  bytesWritten?: number;
}

const KINDS: readonly StatementKind[] = ['read', 'write', 'global-write', 'control', 'unknown'];

/**
 * One connection to the embedded engine. Opening one costs some 0.2 ms once the engine runs, so every
 * request gets its own: settings, parameters, the current database and temporary tables die with it and can't leak.
 * One statement at a time; `close` waits for the one that runs.
 */
export class EngineConnection {
  readonly #addon: Addon;
  #handle: unknown;
  #running: Promise<unknown> = Promise.resolve();

  /** Throws `failed_precondition` when another process, or another directory of this process, holds the engine. */
  constructor(dataDir: string) {
    this.#addon = addon();
    const path = resolve(dataDir);
    try {
      this.#handle = this.#addon.CreateConnection(path);
    } catch (thrown) {
      throw new PerennialError('failed_precondition', `Can't open the data directory ${path}.`, {
        hint: `One process at a time can hold it, and a process can hold one. Stop the other one, or choose another directory with --data. ${firstLine(thrown)}`,
        cause: thrown,
      });
    }
  }

  /** Runs one statement off the event loop. The result's bytes are held in memory: for small results only. */
  run(sql: string, format = 'TSV'): Promise<EngineResult> {
    return this.#track((handle) => this.#addon.QueryAsyncConnection(handle, sql, format));
  }

  /** Parses without running. */
  async classify(sql: string): Promise<Statement> {
    const handle = this.#open();
    const call = this.#addon.DurableClassifyAsync(handle, sql, 'default');
    this.#running = call.catch(() => {});
    const found = await call;
    return { count: found.statementCount, kind: KINDS[found.queryClass] ?? 'unknown' };
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
    if (handle !== undefined) this.#addon.CloseConnection(handle);
  }

  async #track(start: (handle: unknown) => Promise<RawResult>): Promise<EngineResult> {
    const call = start(this.#open());
    this.#running = call.catch(() => {});
    try {
      const raw = await call;
      return {
        bytes: raw.bytes ?? new Uint8Array(0),
        rowsRead: raw.rowsRead ?? 0,
        bytesRead: raw.bytesRead ?? 0,
        rowsWritten: raw.rowsWritten ?? 0,
        bytesWritten: raw.bytesWritten ?? 0,
      };
    } catch (thrown) {
      throw ClickHouseException.from(thrown);
    }
  }

  #open(): unknown {
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
  const entry = createRequire(import.meta.url).resolve('chdb');
  const { loadNative } = createRequire(entry)('./dist/loader.js') as { loadNative(): Addon };
  let found: Addon;
  try {
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

function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.trim().split('\n').at(-1) ?? '';
}
