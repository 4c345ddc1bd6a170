import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../telemetry/log.js';
import { type ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { DoorMetrics } from './door-metrics.js';
import type { Caller } from './users.js';

/** Characters of a statement in the log. */
const STATEMENT = 2_000;
/** An address that is refused again and again is logged this often. */
const REFUSED_EVERY_MS = 10_000;

/** One request, as far as it has come. */
export interface Served {
  user?: Caller;
  queryId?: string;
  sql?: string;
}

/** Counts requests and logs what an operator wants to know of them. */
export class RequestLog {
  readonly #log: Logger;
  readonly #metrics: DoorMetrics;
  readonly #statements: boolean;
  readonly #clock: Clock;
  readonly #refused = new LRUCache<string, { at: number; unlogged: number }>({ max: 1_000 });

  constructor(log: Logger, metrics: DoorMetrics, clock: Clock, statements: boolean) {
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#statements = statements;
  }

  done(request: IncomingMessage, served: Served, seconds: number, error?: ClickHouseException): void {
    const address = request.socket.remoteAddress ?? '';
    const kind = served.user?.kind ?? 'none';
    this.#metrics.seconds.observe({ kind, result: error === undefined ? 'ok' : 'error' }, seconds);
    if (error !== undefined) {
      this.#metrics.errors.inc({ code: String(error.code) });
      if (served.user === undefined && LOGIN_CODES.has(error.code)) this.#loginRefused(address, error);
      if (error.code === CODE.internal) {
        this.#metrics.defects.inc();
        this.#log.error(
          { error: error.cause ?? error, queryId: served.queryId },
          'A request failed by a defect',
        );
      }
    }
    if (!this.#statements || served.sql === undefined) return;
    const { sql, queryId, user } = served;
    const text = sql.length > STATEMENT ? `${sql.slice(0, STATEMENT)}…` : sql;
    const fields = { user: user?.name, address, queryId, seconds: Math.round(seconds * 1_000) / 1_000 };
    this.#log.info(
      { ...fields, ...(error === undefined ? {} : { code: error.code }), sql: text },
      'Statement',
    );
  }

  #loginRefused(address: string, error: ClickHouseException): void {
    this.#metrics.loginsRefused.inc();
    const now = this.#clock();
    const last = this.#refused.get(address) ?? { at: Number.NEGATIVE_INFINITY, unlogged: 0 };
    if (now - last.at < REFUSED_EVERY_MS) {
      last.unlogged++;
      return;
    }
    this.#log.warn({ address, code: error.code, before: last.unlogged }, 'Login refused');
    this.#refused.set(address, { at: now, unlogged: 0 });
  }
}

const LOGIN_CODES: ReadonlySet<number> = new Set([CODE.requiredPassword, CODE.authenticationFailed]);
