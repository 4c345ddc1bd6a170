import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';

interface Session {
  readonly connection: EngineConnection;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Connections that callers keep by name, for temporary tables and SET. One statement at a time each; gone after their
 * timeout without use. A user sees only sessions of their own.
 */
export class Sessions {
  readonly #byKey = new Map<string, Session>();
  readonly #open: () => EngineConnection;
  readonly #max: number;

  constructor(open: () => EngineConnection, max: number) {
    this.#open = open;
    this.#max = max;
  }

  /** Throws SESSION_NOT_FOUND, SESSION_IS_LOCKED, or TOO_MANY_SIMULTANEOUS_QUERIES when too many are open. */
  take(
    user: string,
    wanted: { readonly id: string; readonly timeoutMs: number; readonly mustExist: boolean },
  ): { connection: EngineConnection; release(close: boolean): Promise<void> } {
    const key = JSON.stringify([user, wanted.id]);
    let session = this.#byKey.get(key);
    if (session === undefined) {
      if (wanted.mustExist) {
        throw new ClickHouseException(CODE.sessionNotFound, 'SESSION_NOT_FOUND', 'Session not found.');
      }
      if (this.#byKey.size >= this.#max) {
        throw new ClickHouseException(
          CODE.tooManyQueries,
          'TOO_MANY_SIMULTANEOUS_QUERIES',
          `Too many sessions: ${this.#max} are open. Close some with close_session=1 or wait until they time out.`,
        );
      }
      session = { connection: this.#open(), busy: false, timer: undefined };
      this.#byKey.set(key, session);
    }
    if (session.busy) {
      throw new ClickHouseException(
        CODE.sessionLocked,
        'SESSION_IS_LOCKED',
        'Session is locked by a concurrent client.',
      );
    }
    const taken = session;
    taken.busy = true;
    clearTimeout(taken.timer);
    return {
      connection: taken.connection,
      release: async (close) => {
        taken.busy = false;
        const drop = async () => {
          this.#byKey.delete(key);
          await taken.connection.close();
        };
        if (close) await drop();
        else taken.timer = setTimeout(() => void drop(), wanted.timeoutMs).unref();
      },
    };
  }

  async close(): Promise<void> {
    const all = [...this.#byKey.values()];
    this.#byKey.clear();
    for (const session of all) {
      clearTimeout(session.timer);
      await session.connection.close();
    }
  }
}
