import { defineConfig } from 'vitest/config';

/** Tests that talk to a broker. They have a set-up of their own, so that no other test waits for one. */
const KAFKA = ['test/kafka/**/*.test.ts', 'test/**/kafka/**/*.test.ts', 'test/chaos/**/*.test.ts'];

export default defineConfig({
  test: {
    // The embedded ClickHouse binds one data directory per process, so every test file gets a process of its own.
    pool: 'forks',
    setupFiles: ['test/support/seeds.ts'],
    // Much of the time goes into waiting for engines and brokers.
    maxWorkers: 3,
    // Patience, and no bound: a busy machine takes several times as long.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    projects: [
      { extends: true, test: { name: 'perennial', include: ['test/**/*.test.ts'], exclude: KAFKA } },
      {
        extends: true,
        test: { name: 'kafka', include: KAFKA, globalSetup: ['test/support/kafka-setup.ts'] },
      },
    ],
  },
});
