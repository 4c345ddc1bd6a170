import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithOwnKafka } from '../support/kafka.js';
import { tempStore } from '../support/temp-store.js';
import { ChaosRun } from './chaos-run.js';
import { checkPublished, compareRuns, ingestUndisturbed, scoreAtFixedTime } from './checks.js';

const LONG = process.env.CHAOS === 'long';
const SEED = Number(process.env.CHAOS_SEED ?? 1);
/** The long run: some five million signals, over a hundred faults. */
const SIZE = LONG
  ? { accounts: 20_000, days: 90, slice: 20_000, faults: 200, brokers: 3, poisonEvery: 1_000 }
  : { accounts: 60, days: 45, slice: 500, faults: 10, brokers: 1, poisonEvery: 100 };
const OPTIONS = { seed: SEED, ...SIZE };
const MINUTES = LONG ? 120 : 4;
const COMMIT_FIRST = fileURLToPath(new URL('./commit-first.mjs', import.meta.url));

describeWithOwnKafka(`chaos, seed ${SEED}`, () => {
  let reference: Awaited<ReturnType<typeof tempStore>>;
  beforeAll(async () => {
    reference = await tempStore();
    await ingestUndisturbed(reference.store, OPTIONS);
    await scoreAtFixedTime(reference.store);
  }, MINUTES * 60_000);
  afterAll(() => reference?.close());

  it(
    'ends with every signal once, every rejection, the same risks and decisions, and every decision published',
    async () => {
      const run = await ChaosRun.start(OPTIONS);
      try {
        await run.play();
        const store = await run.openStore();
        const published = await checkPublished(store, run.kafka);
        await scoreAtFixedTime(store);
        const differences = await compareRuns(reference.store, store);
        await store.close();
        expect([...differences, ...published]).toEqual([]);
        expect([...run.counts.values()].reduce((sum, count) => sum + count, 0)).toBe(OPTIONS.faults);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );

  it(
    'finds out a worker that commits offsets before it inserts: the negative control',
    async () => {
      const run = await ChaosRun.start({ ...OPTIONS, ingest: [COMMIT_FIRST], score: false });
      try {
        await run.play();
        const store = await run.openStore();
        const differences = await compareRuns(reference.store, store);
        await store.close();
        expect(differences.join('; ')).toMatch(/\d+ signals instead of \d+/);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );
});
