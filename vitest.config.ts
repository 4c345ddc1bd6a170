import { defineConfig } from 'vitest/config';

/** Tests that talk to a broker. They have a set-up of their own, so that no other test waits for one. */
const KAFKA = ['test/kafka/**/*.test.ts', 'test/**/kafka/**/*.test.ts', 'test/chaos/**/*.test.ts'];

/**
 * Tests that take long because of what they wait for: brokers, processes and networks that are broken, the clients that others
 * made, what the engine keeps on disk for a while. `npm run test:long`; `.ci/run` runs them too. `npm test` has a short form of
 * each: a short chaos run, the roles and their consumers beside one broker, the HTTP interface by its own protocol.
 */
const LONG = [
  'test/chaos/control.test.ts',
  'test/chaos/frozen-scorer.test.ts',
  'test/kafka/alarms.test.ts',
  'test/kafka/outages.test.ts',
  'test/kafka/rights.test.ts',
  'test/kafka/security.test.ts',
  'test/kafka/feed/broken-network.test.ts',
  'test/kafka/feed/compression.test.ts',
  'test/kafka/feed/one-owner.test.ts',
  'test/engine/kill.test.ts',
  'test/store/account-data.test.ts',
  'test/store/http-server/drivers.test.ts',
  'test/store/http-server/sharing.test.ts',
  'test/api/languages.test.ts',
  'test/integrations/**/*.test.ts',
];

/**
 * Tests that try one thing after the other, of which there are many: `npm test` tries some of each kind, `npm run test:long` all.
 * They ask `thorough` which it is.
 */
const SWEEPS = [
  'test/api/hostile-fields.test.ts',
  'test/chaos/chaos.test.ts',
  'test/docs/awkward-stores.test.ts',
];

/** Tests of what needs no store and no broker: functions, and what they are made of. */
const PURE = [
  'test/columns/**/!(arrow).test.ts',
  'test/core/**/*.test.ts',
  'test/decisions/**/!(staying).test.ts',
  'test/fit/**/!(command|observations).test.ts',
  'test/ingest/import/**/*.test.ts',
  'test/rules/**/!(docs).test.ts',
  'test/schema/**/*.test.ts',
  'test/scoring/**/*.test.ts',
  'test/signals/**/*.test.ts',
  'test/simulate/**/*.test.ts',
  'test/telemetry/**/*.test.ts',
];

export default defineConfig({
  test: {
    // The embedded ClickHouse binds one data directory per process, so every test file gets a process of its own.
    pool: 'forks',
    globalSetup: ['test/support/run-folder.ts'],
    provide: { thorough: false },
    setupFiles: ['test/support/seeds.ts'],
    // Much of the time goes into waiting for engines and brokers.
    maxWorkers: 3,
    // Patience, and no bound: a busy machine takes several times as long.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'perennial',
          include: ['test/**/*.test.ts'],
          exclude: [...PURE, ...KAFKA, ...LONG],
        },
      },
      {
        extends: true,
        // They leave nothing behind in a process: one for each would take longer to start than most of them take.
        test: { name: 'pure', isolate: false, include: PURE },
      },
      {
        extends: true,
        test: {
          name: 'kafka',
          include: KAFKA,
          exclude: LONG,
          globalSetup: ['test/support/kafka-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [...LONG, ...SWEEPS],
          provide: { thorough: true },
          globalSetup: ['test/support/kafka-setup.ts'],
        },
      },
    ],
  },
});
