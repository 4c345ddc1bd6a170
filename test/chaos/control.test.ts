import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithOwnKafka } from '../support/kafka.js';
import { tempStore } from '../support/temp-store.js';
import { ChaosRun } from './chaos-run.js';
import { compareContents, ingestUndisturbed } from './checks.js';

const COMMIT_FIRST = fileURLToPath(new URL('./commit-first.mjs', import.meta.url));
const OPTIONS = { seed: 1, accounts: 50, days: 45, slice: 500, poisonEvery: 100, sessionMs: 2_000 };
const MINUTES = 4;

describeWithOwnKafka('the checks of chaos', () => {
  let reference: Awaited<ReturnType<typeof tempStore>>;
  let messages: number;
  beforeAll(async () => {
    reference = await tempStore();
    messages = await ingestUndisturbed(reference.store, OPTIONS);
  }, MINUTES * 60_000);
  afterAll(() => reference?.close());

  it(
    'find out a worker that commits offsets before it inserts: the negative control',
    async () => {
      const faults = ['kill an ingest worker', 'kill an ingest worker'] as const;
      const run = await ChaosRun.start({
        ...OPTIONS,
        messages,
        ingest: [COMMIT_FIRST],
        score: false,
        breakAfterCommit: true,
        faults,
      });
      try {
        await run.play();
        const store = await run.openStore();
        const contents = await compareContents(reference.store, store);
        await store.close();
        expect(run.tally.kills).toBe(faults.length);
        expect(contents.join('; ')).toMatch(/\d+ signals instead of \d+/);
        expect(run.defects()).toEqual([]);
      } finally {
        await run.close();
      }
    },
    MINUTES * 60_000,
  );
});
