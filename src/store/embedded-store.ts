import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { unlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  createClient,
  type DataFormat,
} from '@clickhouse/client';
import { PerennialError } from '../core/errors.js';
import { ClientStore, INSERT_SETTINGS, readText } from './client-store.js';
import { requireReading } from './require-reading.js';
import type { Lane } from './store.js';
import { noEngine, translated } from './store-error.js';

/** ClickHouse inside this process. One process at a time can hold a data directory. */
export class EmbeddedStore extends ClientStore {
  readonly name: string;
  readonly shared = false;
  readonly #directory: string;
  readonly #clients = new Map<Lane, ClickHouseClient>();

  constructor(directory: string) {
    super();
    this.#directory = directory;
    this.name = `embedded ${directory}`;
    try {
      mkdirSync(join(directory, 'inbox'), { recursive: true });
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
  }

  protected client(lane: Lane): ClickHouseClient {
    let client = this.#clients.get(lane);
    if (client === undefined) {
      client = createClient({ connection: this.#connect() });
      this.#clients.set(lane, client);
    }
    return client;
  }

  /**
   * The engine takes text only through its own insert, and text costs it more than half of the time of an insert; so the
   * bytes go through a file beside the data.
   */
  async insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void> {
    const file = join(this.#directory, 'inbox', `${randomUUID()}.arrow`);
    await writeFile(file, bytes);
    try {
      const list = columns.join(', ');
      await this.command(
        `INSERT INTO ${table} (${list}) ${INSERT_SETTINGS} SELECT ${list} FROM file({file:String}, 'ArrowStream')`,
        { file },
      );
    } finally {
      await unlink(file).catch(() => {});
    }
  }

  async readOnly(sql: string, format: string): Promise<string> {
    requireReading(sql);
    // A connection of its own: what is set on one stays set on it.
    const client = createClient({ connection: this.#connect() });
    try {
      return await translated(async () => {
        await client.command({ query: 'SET readonly = 1' });
        const result = await client.exec({
          query: sql,
          clickhouse_settings: { default_format: format as DataFormat },
        });
        return readText(result.stream);
      });
    } finally {
      await client.close();
    }
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    for (const client of clients) await client.close();
  }

  /** chDB implements the client's connection contract, but compiles against a copy of its types. */
  #connect(): Connection {
    const { createChdbConnection } = chdb();
    try {
      return createChdbConnection({ path: this.#directory }) as unknown as Connection;
    } catch (thrown) {
      const holder = this.#holder();
      throw new PerennialError(
        'failed_precondition',
        `Can't open the data directory ${this.#directory}${holder}.`,
        {
          hint: 'One process at a time can hold it. Stop the other one, choose another directory with --data, or share one store between processes: `perennial clickhouse`, or `perennial up --clickhouse-port 8123`, and CLICKHOUSE_URL for the others.',
          cause: thrown,
        },
      );
    }
  }

  /** Who holds the directory, as far as the engine's status file tells. */
  #holder(): string {
    try {
      const pid = /PID: (\d+)/.exec(readFileSync(join(this.#directory, 'status'), 'utf8'))?.[1];
      return pid === undefined || Number(pid) === process.pid ? '' : `: process ${pid} holds it`;
    } catch {
      return '';
    }
  }
}

/** The engine is loaded only where it is used: a process on a ClickHouse server does without it. */
function chdb(): typeof import('chdb/connection') {
  try {
    return createRequire(import.meta.url)('chdb/connection');
  } catch (thrown) {
    throw noEngine(thrown);
  }
}

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>;
