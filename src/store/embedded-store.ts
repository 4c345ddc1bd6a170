import { randomUUID } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { PerennialError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { aborted } from './aborted.js';
import { Admission } from './engine/admission.js';
import { EngineConnection } from './engine/engine-connection.js';
import { EnginePipe } from './engine/engine-pipe.js';
import { intoFile } from './engine/into-file.js';
import { killOnAbort } from './engine/kill-query.js';
import { ownPath, sweepFolder, writeOwnFile } from './engine/own-files.js';
import { parameterText } from './engine/parameter-text.js';
import { readsOnly } from './engine/reads-only.js';
import { onlyReading, wrongQuery } from './only-reading.js';
import { type Call, INSERT_SETTINGS, QueryStore } from './query-store.js';
import { quoteText } from './sql-quote.js';
import type { Lane, StreamOptions } from './store.js';
import { storeError } from './store-error.js';

/** A statement longer than the engine reads unasked: a parameter may be a list of tens of thousands of accounts. */
const LONG_TEXT = 200_000;
const MOST_QUERY_BYTES = 1_073_741_824;

/**
 * Questions of callers leave the processor to the event loop, which answers others from memory meanwhile (ADR 0243). Passes and
 * writes don't: on a machine that is busy with other things they would come late.
 */
const YIELDING: ReadonlySet<Lane> = new Set(['serve', 'ask']);
const NICE = '10';

/**
 * ClickHouse inside this process. One process at a time can hold a data directory. Each call has a connection of its own,
 * which is closed after it, so that no call sees what another one set or left (ADR 0077).
 */
export class EmbeddedStore extends QueryStore {
  readonly name: string;
  readonly shared = false;
  readonly #directory: string;
  /** Where rows and answers pass between this process and the engine. */
  readonly #inbox: string;
  /** Held as long as the store is open: the engine stops with its last connection. */
  readonly #anchor: EngineConnection;
  readonly #lanes: Record<Lane, Admission> = {
    serve: new Admission(1, Number.POSITIVE_INFINITY),
    ask: new Admission(3, Number.POSITIVE_INFINITY),
    account: new Admission(2, Number.POSITIVE_INFINITY),
    batch: new Admission(1, Number.POSITIVE_INFINITY),
    write: new Admission(1, Number.POSITIVE_INFINITY),
  };
  readonly #running = new Set<Promise<unknown>>();

  constructor(directory: string) {
    super();
    this.#directory = directory;
    this.#inbox = join(directory, 'inbox');
    this.name = `embedded ${directory}`;
    try {
      makeFolder(this.#inbox);
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code;
      throw new PerennialError(
        'failed_precondition',
        `Can't write to the data directory ${directory} (${code}).`,
        {
          hint: 'Name a directory that can be made and written to, with --data or PERENNIAL_DATA.',
          cause: thrown,
        },
      );
    }
    this.#anchor = new EngineConnection(directory);
    sweepFolder(this.#inbox);
  }

  protected bytes(call: Call): Promise<Uint8Array> {
    return this.#call(call, async (connection) => (await connection.run(call.sql, call.format)).bytes);
  }

  protected async *batches(call: Call): AsyncGenerator<RecordBatch> {
    yield* RecordBatchReader.from(await this.bytes(call));
  }

  /**
   * The engine takes text only through its own insert, and text costs it more than half of the time of an insert; so the
   * bytes go through a file beside the data.
   */
  async insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void> {
    const file = ownPath(this.#inbox, '.arrow');
    try {
      await writeOwnFile(file, bytes);
      // The settings stand in the statement, which saves a statement before it. FROM INFILE would cost less, but makes the engine read
      // more rows from the standard input of this process.
      const settings = Object.entries({ ...INSERT_SETTINGS, insert_deduplication_token: randomUUID() });
      const list = columns.join(', ');
      await this.command(
        `INSERT INTO ${table} (${list}) SELECT ${list} FROM file(${quoteText(file)}, 'ArrowStream')
         SETTINGS ${settings.map(([name, value]) => `${name} = ${quoteText(String(value))}`).join(', ')}`,
      );
    } finally {
      await unlink(file).catch(() => {});
    }
  }

  async *stream(
    sql: string,
    format: string,
    { lane = 'serve', signal, settings = {}, params = {} }: StreamOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    const left = new AbortController();
    const stop = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]);
    let open = (_: EnginePipe) => {};
    const opened = new Promise<EnginePipe>((resolve) => {
      open = resolve;
    });
    const call = { sql, format, params, settings, lane, signal: stop };
    const written = this.#call(call, async (connection) => {
      if (!(await readsOnly(connection, sql))) throw onlyReading();
      await connection.run('SET readonly = 1');
      const pipe = await EnginePipe.in(this.#inbox);
      const discard = () => pipe.discard();
      stop.addEventListener('abort', discard, { once: true });
      open(pipe);
      try {
        // Gone while the pipe was made: nobody will read it.
        if (stop.aborted) discard();
        stop.throwIfAborted();
        await connection.run(intoFile(sql, pipe.path, format, 'none', 'append'));
      } finally {
        stop.removeEventListener('abort', discard);
        pipe.written();
      }
    });
    written.catch(() => {});
    try {
      const pipe = await Promise.race([opened, written]);
      if (pipe !== undefined) yield* pipe.bytes();
      await written;
    } catch (thrown) {
      throw wrongQuery(thrown);
    } finally {
      left.abort();
    }
  }

  async ping(): Promise<void> {
    // Not in a lane: a long query there is no reason to call the store silent.
    const connection = this.#open();
    try {
      await connection.run('SELECT 1');
    } catch (thrown) {
      throw storeError(thrown);
    } finally {
      await connection.close();
    }
  }

  async prepare(_create: boolean): Promise<void> {
    await this.ping();
  }

  /** Waits for what runs. */
  async close(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#anchor.close();
  }

  #open(): EngineConnection {
    return new EngineConnection(this.#directory);
  }

  async #call<T>(call: Call, work: (connection: EngineConnection) => Promise<T>): Promise<T> {
    const { signal } = call;
    const running = this.#admitted(call, work);
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
    try {
      return await aborted(running, signal);
    } catch (thrown) {
      throw storeError(thrown);
    }
  }

  async #admitted<T>(call: Call, work: (connection: EngineConnection) => Promise<T>): Promise<T> {
    const signal = call.signal ?? new AbortController().signal;
    const leave = await this.#lanes[call.lane].enter(signal);
    try {
      signal.throwIfAborted();
      const connection = this.#open();
      const mark = randomUUID();
      let over: (() => Promise<void>) | undefined;
      try {
        const settings = [...settingsOf(call)];
        // What it is found by to be killed.
        if (call.signal !== undefined) settings.push(['log_comment', mark]);
        if (YIELDING.has(call.lane)) settings.push(['os_threads_nice_value_query', NICE]);
        const length = settings.reduce((sum, [, value]) => sum + value.length, call.sql.length);
        if (length > LONG_TEXT) await connection.run(`SET max_query_size = ${MOST_QUERY_BYTES}`);
        await connection.set(settings);
        // What has not begun needs no killing.
        signal.throwIfAborted();
        if (call.signal !== undefined) over = killOnAbort(() => this.#open(), mark, signal);
        return await work(connection);
      } finally {
        await over?.();
        await connection.close();
      }
    } finally {
      leave();
    }
  }
}

function* settingsOf({ settings, params }: Call): Generator<readonly [string, string]> {
  for (const [name, value] of Object.entries(settings)) yield [name, String(value)];
  for (const [name, value] of Object.entries(params)) yield [`param_${name}`, parameterText(value)];
}
