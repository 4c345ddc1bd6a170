import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { Semaphore } from 'async-mutex';
import type { Perennial } from '../client/index.js';
import { askedPause, growingPause } from '../client/retry.js';
import { PerennialError } from '../core/errors.js';
import { type Call, QueryStore } from '../store/query-store.js';
import type { StreamOptions } from '../store/store.js';
import { fromServer } from './running-engine.js';

/** How many queries the engine runs at once. More of one command would only wait there, and take the places of other commands. */
const AT_ONCE = 2;
const ATTEMPTS = 8;

/** The store of an engine that runs, for commands that read: what they ask goes to the engine as SQL. */
export class RemoteStore extends QueryStore {
  readonly name = 'the running engine';
  readonly shared = true;
  readonly #client: Perennial;
  readonly #places = new Semaphore(AT_ONCE);

  constructor(client: Perennial) {
    super();
    this.#client = client;
  }

  protected async bytes(call: Call): Promise<Uint8Array> {
    if (call.lane === 'write') throw storeIsHeld();
    return this.#places.runExclusive(async () => {
      const parts: Uint8Array[] = [];
      for await (const part of this.#run(call.sql, call.format, call)) parts.push(part);
      return Buffer.concat(parts);
    });
  }

  protected async *batches(call: Call): AsyncGenerator<RecordBatch> {
    yield* RecordBatchReader.from(await this.bytes(call));
  }

  async *stream(sql: string, format: string, options: StreamOptions = {}): AsyncGenerator<Uint8Array, void> {
    yield* this.#run(sql, format, options);
  }

  insertArrow(): Promise<void> {
    return Promise.reject(storeIsHeld());
  }

  async ping(): Promise<void> {
    await this.bytes({
      sql: 'SELECT 1',
      format: 'TabSeparated',
      params: {},
      settings: {},
      lane: 'serve',
      signal: undefined,
    });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  /** What the engine answers. What it has no place for now is asked again when it says. */
  async *#run(sql: string, format: string, options: StreamOptions): AsyncGenerator<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      let begun = false;
      try {
        for await (const part of this.#answer(sql, format, options)) {
          begun = true;
          yield part;
        }
        return;
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        const asked = error.code === Code.ResourceExhausted ? askedPause(error) : null;
        if (begun || attempt === ATTEMPTS || asked === null) throw fromServer(thrown);
        await pause(Math.max(asked, growingPause(attempt)), undefined, { signal: options.signal });
      }
    }
  }

  async *#answer(
    sql: string,
    format: string,
    { settings = {}, params = {}, signal }: StreamOptions,
  ): AsyncGenerator<Uint8Array> {
    // What is about the format; the rest is the engine's to choose.
    const ofFormat = Object.entries(settings).filter(([name]) => name.startsWith('output_format_'));
    const answer = this.#client.queries.runQuery(
      {
        sql,
        format,
        params: { ...params } as JsonObject,
        settings: Object.fromEntries(ofFormat.map(([name, value]) => [name, String(value)])),
      },
      signal === undefined ? {} : { signal },
    );
    for await (const { data } of answer) yield data;
  }
}

/** Why a command can not write where an engine runs. */
export function storeIsHeld(): PerennialError {
  return new PerennialError(
    'failed_precondition',
    'A process that runs holds the store, and alone writes to it.',
    {
      hint: 'It takes signals in over its API and by Kafka, and scores by itself. Stop it to run this command on the store.',
    },
  );
}
