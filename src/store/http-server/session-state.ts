import type { EngineConnection } from '../engine/engine-connection.js';
import { quoteName, quoteText } from '../sql-quote.js';
import type { HttpQuery } from './http-query.js';

/**
 * What a request with a session changes for itself only: settings and the database of its URL go back to what they were,
 * while `SET` and `USE` as statements stay, as on a server.
 */
export class SessionState {
  readonly #connection: EngineConnection;
  readonly #undo: readonly string[];

  private constructor(connection: EngineConnection, undo: readonly string[]) {
    this.#connection = connection;
    this.#undo = undo;
  }

  static async remember(connection: EngineConnection, query: HttpQuery): Promise<SessionState> {
    const undo: string[] = [];
    if (query.database !== undefined) {
      const [row] = await connection.rows<{ name: string }>('SELECT currentDatabase() AS name');
      undo.push(`USE ${quoteName(row!.name)}`);
    }
    const names = [...query.settings.keys()].filter((name) => /^\w+$/.test(name));
    if (names.length > 0) {
      const rows = await connection.rows<{ name: string; value: string; changed: number }>(
        `SELECT name, value, changed FROM system.settings WHERE name IN (${names.map(quoteText).join(', ')})`,
      );
      for (const row of rows) {
        undo.push(`SET ${row.name} = ${row.changed === 1 ? quoteText(row.value) : 'DEFAULT'}`);
      }
    }
    return new SessionState(connection, undo);
  }

  /** Resolves to whether that was possible. */
  async restore(): Promise<boolean> {
    try {
      for (const statement of this.#undo) await this.#connection.run(statement);
      return true;
    } catch {
      return false;
    }
  }
}
