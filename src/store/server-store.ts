import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
  type DataFormat,
} from '@clickhouse/client';
import { PerennialError } from '../core/errors.js';
import { ClientStore, INSERT_SETTINGS, readText } from './client-store.js';
import { requireReading } from './require-reading.js';
import { quoteName } from './sql-quote.js';
import { translated } from './store-error.js';

/** A ClickHouse server over HTTP. */
export class ServerStore extends ClientStore {
  readonly name: string;
  readonly shared = true;
  readonly #client: ClickHouseClient;
  readonly #login: ClickHouseClientConfigOptions;
  readonly #database: string;

  constructor(url: string, user: string, password: string) {
    super();
    const parsed = parseUrl(url);
    this.#database = parsed.pathname.replace(/^\//, '') || 'default';
    parsed.pathname = '/';
    this.name = `server ${parsed.origin}/${this.#database}`;
    this.#login = {
      url: parsed.toString(),
      username: user,
      password,
      request_timeout: 300_000,
      // Its own log repeats on stderr, with the whole query, what is thrown and reported by us.
      log: { level: ClickHouseLogLevel.OFF },
    };
    this.#client = createClient({ ...this.#login, database: this.#database });
  }

  protected client(): ClickHouseClient {
    return this.#client;
  }

  async insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void> {
    const query = `INSERT INTO ${table} (${columns.join(', ')}) ${INSERT_SETTINGS} FORMAT ArrowStream`;
    await translated(async () => {
      const result = await this.#client.exec({
        query,
        values: Readable.from([Buffer.from(bytes)], { objectMode: false }),
      });
      for await (const _ of result.stream);
    });
  }

  /** Creates the database when it is not there: a newcomer's server has none of that name. */
  override async prepare(): Promise<void> {
    const bare = createClient({ ...this.#login, database: 'default' });
    try {
      await translated(() =>
        bare.command({ query: `CREATE DATABASE IF NOT EXISTS ${quoteName(this.#database)}` }),
      );
    } finally {
      await bare.close();
    }
    await super.prepare();
  }

  async readOnly(sql: string, format: string): Promise<string> {
    requireReading(sql);
    return translated(async () => {
      // 2: settings may be given, as the client itself does; readonly itself can't be changed.
      const settings = { readonly: '2', default_format: format as DataFormat } as const;
      const result = await this.#client.exec({ query: sql, clickhouse_settings: settings });
      return readText(result.stream);
    });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch (thrown) {
    throw new PerennialError('invalid_argument', 'CLICKHOUSE_URL is not a URL.', {
      hint: 'It looks like http://localhost:8123/perennial.',
      cause: thrown,
    });
  }
}
