import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from '@clickhouse/client';
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { aborted } from './aborted.js';
import { CheckedAnswer } from './checked-answer.js';
import { onlyReading, wrongQuery } from './only-reading.js';
import { type Call, INSERT_SETTINGS, QueryStore } from './query-store.js';
import { type PulseOptions, ServerPulse } from './server-pulse.js';
import { quoteName } from './sql-quote.js';
import type { StreamOptions } from './store.js';
import { isClickHouseError, storeError, translated } from './store-error.js';

/** Longest silence of the server within one call. */
const REQUEST_MS = 300_000;
/** Longest silence before the server counts as away: for questions that it answers without any work. */
const ANSWER_MS = 16_000;
/** What a kill may take: it is sent for calls that are given up, while their caller has gone on. */
const KILL_MS = 5_000;
/** ClickHouse's code for what a reader may not do. */
const READONLY = '164';

/** A ClickHouse server over HTTP. */
export class ServerStore extends QueryStore {
  readonly name: string;
  readonly shared = true;
  readonly #client: ClickHouseClient;
  /** For what takes no work: a server that hangs is noticed, and asked again once it is another one. */
  readonly #asking: ClickHouseClient;
  readonly #pulse: ServerPulse;
  readonly #login: ClickHouseClientConfigOptions;
  readonly #answerMs: Millis;
  readonly #database: string;
  readonly #kills = new Set<Promise<void>>();

  constructor(
    url: string,
    user: string,
    password: string,
    ca = '',
    answerMs: Millis = ANSWER_MS,
    pulse: PulseOptions = {},
  ) {
    super();
    const parsed = parseUrl(url);
    this.#answerMs = answerMs;
    this.#database = parsed.pathname.replace(/^\//, '') || 'default';
    parsed.pathname = '/';
    this.name = `server ${parsed.origin}/${this.#database}`;
    this.#login = {
      url: parsed.toString(),
      username: user,
      password,
      request_timeout: REQUEST_MS,
      ...tlsOf(parsed, ca),
      // Its own log repeats on stderr, with the whole query, what is thrown and reported by us.
      log: { level: ClickHouseLogLevel.OFF },
    };
    this.#client = createClient({ ...this.#login, database: this.#database });
    this.#asking = createClient({
      ...this.#login,
      request_timeout: answerMs,
      database: this.#database,
    });
    this.#pulse = new ServerPulse(
      (signal) => this.#asking.ping({ select: false, abort_signal: signal }),
      pulse,
    );
  }

  protected bytes(call: Call): Promise<Uint8Array> {
    return this.#whole(call);
  }

  protected async *batches(call: Call): AsyncGenerator<RecordBatch> {
    const answer = await this.#ask(call);
    const bytes = answer.bytes();
    try {
      const reader = await RecordBatchReader.from(bytes);
      yield* await reader.open();
    } catch (thrown) {
      throw answer.explain(thrown);
    } finally {
      await bytes.return();
    }
  }

  async insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void> {
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) FORMAT ArrowStream`;
    const settings = { ...INSERT_SETTINGS, insert_deduplication_token: randomUUID() };
    const call: Call = {
      sql,
      format: 'TabSeparated',
      params: {},
      settings,
      lane: 'write',
      signal: undefined,
    };
    await this.#whole(call, bytes);
  }

  async *stream(
    sql: string,
    format: string,
    { lane = 'serve', signal, settings = {}, params = {} }: StreamOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    try {
      // 2: settings may be given, as the client itself does; readonly itself can't be changed.
      const call = { sql, format, params, settings: { ...settings, readonly: 2 }, lane, signal };
      yield* (await this.#ask(call)).bytes();
    } catch (thrown) {
      throw isReadonly(thrown) ? onlyReading(thrown) : wrongQuery(thrown);
    }
  }

  async ping(): Promise<void> {
    const answer = await this.#asking.ping({ select: true });
    if (!answer.success) throw storeError(answer.error);
  }

  /** Makes the database when it is not there and `create` says so: a newcomer's server has none of that name. */
  async prepare(create: boolean): Promise<void> {
    const bare = createClient({ ...this.#login, request_timeout: this.#answerMs, database: 'default' });
    try {
      const name = quoteName(this.#database);
      if (create) await translated(() => bare.command({ query: `CREATE DATABASE IF NOT EXISTS ${name}` }));
      else await this.#requireDatabase(bare);
    } finally {
      await bare.close();
    }
    await this.ping();
  }

  async #requireDatabase(bare: ClickHouseClient): Promise<void> {
    const asked = {
      query: 'SELECT name FROM system.databases WHERE name = {name:String}',
      format: 'JSONEachRow',
    } as const;
    const rows = await translated(async () => {
      const result = await bare.query({ ...asked, query_params: { name: this.#database } });
      return await result.json<{ name: string }>();
    });
    if (rows.length > 0) return;
    throw new PerennialError('not_found', `There is no database ${this.#database} on ${this.#login.url}.`, {
      hint: '`perennial migrate` makes it with its tables, if the name is right; CLICKHOUSE_URL names another.',
    });
  }

  async close(): Promise<void> {
    this.#pulse.close();
    await Promise.all(this.#kills);
    await Promise.all([this.#client.close(), this.#asking.close()]);
  }

  /** The server answers only when the whole result is there, so that an error has a status and never stands in an answer. */
  async #whole(call: Call, sent?: Uint8Array): Promise<Buffer> {
    const answer = await this.#ask({ ...call, settings: { ...call.settings, wait_end_of_query: 1 } }, sent);
    const chunks: Buffer[] = [];
    for await (const chunk of answer.bytes()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Puts a question. What is given up, because the caller wants no more or the server is silent, is killed there. */
  async #ask(call: Call, sent?: Uint8Array): Promise<CheckedAnswer> {
    const queryId = randomUUID();
    const onGivenUp = () => this.#kill(queryId);
    const { signal } = call;
    try {
      const { stream, response_headers } = await this.#pulse.during((givenUp) => {
        const asked = this.#client.exec({
          query: call.sql,
          query_params: { ...call.params },
          query_id: queryId,
          clickhouse_settings: { ...call.settings, default_format: call.format } as ClickHouseSettings,
          abort_signal: signal === undefined ? givenUp : AbortSignal.any([signal, givenUp]),
          ...(sent === undefined
            ? {}
            : { values: Readable.from([Buffer.from(sent)], { objectMode: false }) }),
        });
        return aborted(asked, signal);
      });
      return new CheckedAnswer(stream, response_headers, { signal, onGivenUp });
    } catch (thrown) {
      if (!isClickHouseError(thrown)) onGivenUp();
      throw storeError(thrown);
    }
  }

  #kill(queryId: string): void {
    const killing = this.#client
      .command({
        query: `KILL QUERY WHERE query_id = '${queryId}' ASYNC`,
        abort_signal: AbortSignal.timeout(KILL_MS),
      })
      // The server may be gone, and then so is the query.
      .then(
        () => {},
        () => {},
      )
      .finally(() => this.#kills.delete(killing));
    this.#kills.add(killing);
  }
}

/** What the engine says to a statement that writes under `readonly`. */
function isReadonly(thrown: unknown): boolean {
  const cause = thrown instanceof PerennialError ? thrown.cause : undefined;
  return isClickHouseError(cause) && String(cause.code) === READONLY;
}

/** The authority of a private certificate. Throws `invalid_argument` for a file that can't be read, or has no use. */
function tlsOf({ protocol }: URL, ca: string): Pick<ClickHouseClientConfigOptions, 'tls'> {
  if (ca === '') return {};
  if (protocol !== 'https:')
    throw new PerennialError(
      'invalid_argument',
      'CLICKHOUSE_TLS_CA is set, but CLICKHOUSE_URL does not begin with https.',
    );
  try {
    return { tls: { ca_cert: readFileSync(ca) } };
  } catch (cause) {
    throw new PerennialError('invalid_argument', `CLICKHOUSE_TLS_CA: the file ${ca} can't be read.`, {
      cause,
    });
  }
}

function parseUrl(text: string): URL {
  const hint = 'It looks like http://localhost:8123/perennial.';
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new PerennialError('invalid_argument', 'CLICKHOUSE_URL is not a URL.', { hint, cause });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  if (url.pathname.slice(1).includes('/'))
    throw new PerennialError(
      'invalid_argument',
      `CLICKHOUSE_URL has more in its path than the name of a database: ${url.pathname}`,
      { hint },
    );
  return url;
}
