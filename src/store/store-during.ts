import type { CallOptions, Lane, Store } from './store.js';

/**
 * A store as one caller sees it: whatever it asks ends with the caller, and is killed in the engine once the signal aborts. `lane`: in
 * which all of it waits, whatever the questions themselves say; a person's question must not wait in the lane of passes.
 */
export function storeDuring(store: Store, signal: AbortSignal | undefined, lane?: Lane): Store {
  if (signal === undefined && lane === undefined) return store;
  const how = (options: CallOptions = {}): CallOptions => ({
    ...options,
    ...(signal === undefined ? {} : { signal }),
    ...(lane === undefined ? {} : { lane }),
  });
  return {
    name: store.name,
    shared: store.shared,
    rows: (sql, params, options) => store.rows(sql, params, how(options)),
    text: (sql, params, options) => store.text(sql, params, how(options)),
    stream: (sql, format, options) => store.stream(sql, format, { ...options, ...how(options) }),
    arrow: (sql, params, options) => store.arrow(sql, params, how(options)),
    // What writes is not given up half way.
    command: (sql, params, options) => store.command(sql, params, options),
    insertArrow: (table, columns, bytes) => store.insertArrow(table, columns, bytes),
    ping: () => store.ping(),
    close: () => store.close(),
  };
}
