import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Outcome, UNKNOWN_OUTCOME } from '../../src/signals/subscription.js';
import { OUTCOMES } from '../../src/store/outcome-log.js';
import { keyHash } from '../../src/store/record-hash.js';
import { lookUp } from '../../src/store/record-index.js';
import type { Store } from '../../src/store/store.js';
import { writeRecords } from '../../src/store/write-records.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const NOON = Date.UTC(2025, 5, 1, 12);

function outcome(i: number): Outcome {
  return {
    source: 'crm',
    id: `o${i}`,
    accountId: 'a',
    subscriptionId: 's',
    kind: 'cancel_intent',
    occurredAt: NOON + i,
    ...UNKNOWN_OUTCOME,
  };
}

// Few keys stand in the query as numbers, many go with it as one text: a key has 64 bits, of which JavaScript's numbers hold 53.
it.each([1, 16, 17, 60])('finds %i records, whether they are listed or sent as one text', async (count) => {
  const all = Array.from({ length: 60 }, (_, i) => outcome(i));
  const origin = { topic: 'test', partition: 0, offset: 0 };
  await writeRecords(
    store,
    OUTCOMES,
    all.map((value) => ({ value, origin, receivedAt: NOON })),
  );
  const keys = all.map((value) => keyHash(OUTCOMES.identityOf(value)));
  const asked = keys.slice(0, count);
  const { versions } = await lookUp(store, asked, [NOON]);
  expect([...versions.keys()].sort()).toEqual([...asked].sort());
});
