import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithOwnKafka } from '../support/kafka.js';
import { tempStore } from '../support/temp-store.js';
import { ChaosRun, roundRobin } from './chaos-run.js';
import {
  checkPublished,
  compareContents,
  comparePasses,
  ingestUndisturbed,
  scoreAtFixedTime,
} from './checks.js';

const LONG = process.env.CHAOS === 'long';
const SEED = Number(process.env.CHAOS_SEED ?? 1);
/** The long run: some five million signals, 80 kills, 60 cuts, 40 joins and leaves, 20 restarts of the broker. */
const SIZE = LONG
  ? {
      accounts: 20_000,
      days: 90,
      slice: 20_000,
      faults: roundRobin(SEED, 200),
      brokers: 3,
      poisonEvery: 1_000,
    }
  : { accounts: 50, days: 45, slice: 500, faults: roundRobin(SEED, 8), brokers: 1, poisonEvery: 100 };
/** A size between the two, for a few minutes: accounts and faults. */
const ACCOUNTS = Number(process.env.CHAOS_ACCOUNTS ?? SIZE.accounts);
const FAULTS = Number(process.env.CHAOS_FAULTS ?? SIZE.faults.length);
const OPTIONS = { seed: SEED, ...SIZE, accounts: ACCOUNTS, faults: roundRobin(SEED, FAULTS) };
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
        const contents = await compareContents(reference.store, store);
        const pass = await comparePasses(reference.store, store);
        await store.close();
        expect([...contents, ...pass, ...published]).toEqual([]);
        expect(run.done).toBe(OPTIONS.faults.length);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );

  it(
    'finds out a worker that commits offsets before it inserts: the negative control',
    async () => {
      const faults = ['kill an ingest worker', 'kill an ingest worker'] as const;
      const run = await ChaosRun.start({ ...OPTIONS, ingest: [COMMIT_FIRST], score: false, faults });
      try {
        await run.play();
        const store = await run.openStore();
        const contents = await compareContents(reference.store, store);
        await store.close();
        expect(contents.join('; ')).toMatch(/\d+ signals instead of \d+/);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );
});
