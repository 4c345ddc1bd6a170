import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedStore } from './embedded-store.js';
import { ServerStore } from './server-store.js';
import type { Store } from './store.js';

export interface StoreOptions {
  /** Directory of the embedded engine. Ignored when `url` is given. */
  readonly dataDir?: string;
  /** A ClickHouse server, its path naming the database: http://localhost:8123/perennial. */
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  /** PEM file of the authority that signed the server's certificate; empty: the system's. */
  readonly ca?: string;
  /** Whether a database that is not on the server is made. @default true */
  readonly create?: boolean;
}

/**
 * Opens the store. Throws `not_found` for a database that is not there and is not to be made; `failed_precondition` when another process holds the data directory, or it can't be written to, or
 * there is no embedded engine for this machine; `unavailable` when the server does not answer.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store =
    options.url === undefined || options.url === ''
      ? new EmbeddedStore(resolve(options.dataDir ?? './data'))
      : new ServerStore(options.url, options.user ?? 'default', options.password ?? '', options.ca ?? '');
  try {
    await store.prepare(options.create ?? true);
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/** Whether an embedded engine has made tables in that directory, or runs in it now. */
export function holdsStore(directory: string): boolean {
  return existsSync(join(directory, 'metadata')) || existsSync(join(directory, 'status'));
}
