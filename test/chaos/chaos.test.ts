import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithOwnKafka } from '../support/kafka.js';
import { tempStore } from '../support/temp-store.js';
import { thorough } from '../support/thorough.js';
import { ChaosRun, roundRobin } from './chaos-run.js';
import {
  checkPublished,
  checkShared,
  compareContents,
  comparePasses,
  ingestUndisturbed,
  scoreAtFixedTime,
} from './checks.js';

const LONG = process.env.CHAOS === 'long';
const SEED = Number(process.env.CHAOS_SEED ?? 1);
/** The long run: five million signals and more, three brokers, 60 kills, brokers too, 40 cuts, 30 freezes, 50 joins, leaves and rolling restarts. */
const SIZE = LONG
  ? {
      accounts: 29_000,
      days: 90,
      slice: 20_000,
      faults: 200,
      brokers: 3,
      poisonEvery: 1_000,
      sessionMs: 6_000,
    }
  : {
      accounts: 50,
      days: 45,
      slice: 500,
      faults: thorough ? 11 : 6,
      brokers: 1,
      poisonEvery: 100,
      sessionMs: 2_000,
    };
/** A size between the two, for a few minutes: accounts and faults. */
const ACCOUNTS = Number(process.env.CHAOS_ACCOUNTS ?? SIZE.accounts);
const FAULTS = Number(process.env.CHAOS_FAULTS ?? SIZE.faults);
const OPTIONS = { seed: SEED, ...SIZE, accounts: ACCOUNTS, faults: roundRobin(SEED, FAULTS) };
/** What must have been broken at the least; faults that found nothing to break don't count. */
const AT_LEAST = {
  kills: Math.floor(FAULTS / 4),
  freezes: Math.floor(FAULTS / 11),
  cuts: Math.floor(FAULTS / 8),
  rebalances: Math.floor(FAULTS / 8),
};
const MINUTES = LONG ? 150 : 4;

describeWithOwnKafka(`chaos, seed ${SEED}`, () => {
  let reference: Awaited<ReturnType<typeof tempStore>>;
  let messages: number;
  beforeAll(async () => {
    reference = await tempStore();
    messages = await ingestUndisturbed(reference.store, OPTIONS);
    await scoreAtFixedTime(reference.store);
  }, MINUTES * 60_000);
  afterAll(() => reference?.close());

  it(
    'ends with every signal once, every rejection, the same risks and decisions, and every decision published',
    async () => {
      const run = await ChaosRun.start({ ...OPTIONS, messages, progress: LONG ? console.log : undefined });
      try {
        await run.play();
        const store = await run.openStore();
        const published = await checkPublished(store, run.kafka);
        const shared = await checkShared(store);
        await scoreAtFixedTime(store);
        const contents = await compareContents(reference.store, store);
        const pass = await comparePasses(reference.store, store);
        await store.close();
        expect([...contents, ...pass, ...published, ...shared]).toEqual([]);
        expect(run.defects()).toEqual([]);
        expect(run.done).toBe(OPTIONS.faults.length);
        // A run in which little was broken proves little.
        for (const [what, least] of Object.entries(AT_LEAST))
          expect(run.tally[what as keyof typeof AT_LEAST], what).toBeGreaterThanOrEqual(least);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );
});
