import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What `/metrics` of the SQL port says (docs/clickhouse-http.md). Labels have few values each: never a user or a query. */
export function createDoorMetrics(state: { running(): number; waiting(): number; connections(): number }) {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('perennial_sql_running', 'Statements that run in the engine.', state.running);
  gauge('perennial_sql_waiting', 'Statements that wait for a place.', state.waiting);
  gauge('perennial_sql_connections', 'Open connections.', state.connections);
  return {
    registry,
    seconds: new Histogram({
      name: 'perennial_sql_seconds',
      help: 'Time of a request from its first byte to the last of its answer, by kind of user and by result: ok or error.',
      labelNames: ['kind', 'result'],
      buckets: [0.01, 0.05, 0.25, 1, 5, 30, 120, 600],
      registers,
    }),
    errors: new Counter({
      name: 'perennial_sql_errors_total',
      help: "Requests answered with an error, by ClickHouse's code of it.",
      labelNames: ['code'],
      registers,
    }),
    loginsRefused: new Counter({
      name: 'perennial_sql_logins_refused_total',
      help: 'Requests without a user, with a wrong password, or from an address that has to pause.',
      registers,
    }),
    defects: new Counter({
      name: 'perennial_sql_defects_total',
      help: "Requests that failed by a fault of the server's own.",
      registers,
    }),
  };
}

export type DoorMetrics = ReturnType<typeof createDoorMetrics>;
