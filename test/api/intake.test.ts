import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { Intake } from '../../src/api/intake.js';
import { GRPC_ORIGIN } from '../../src/api/record-intake.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import { context, json } from '../signals/forms.js';

// Bug: while the store was slow, every twenty milliseconds made an insert of their own, and the store was slower still.
it('what comes while inserts run goes together with the next, however long they take', async () => {
  const batches: number[] = [];
  const running: (() => void)[] = [];
  const intake = new Intake((batch) => {
    batches.push(batch.length);
    return new Promise((resolve) => running.push(() => resolve({ fates: batch.map(() => 'new') })));
  }, 1);
  const record = parseMessage(json({}), 'any', context());
  const delivery: Delivery = { record, origin: GRPC_ORIGIN, receivedAt: 0 };
  const durable = [];
  for (const inserts of [1, 2]) {
    durable.push(intake.add([delivery], 1));
    await vi.waitFor(() => expect(batches).toHaveLength(inserts));
  }
  for (let i = 0; i < 10; i++) {
    durable.push(intake.add([delivery], 1));
    await pause(3);
  }
  expect(batches).toEqual([1, 1]);
  running.shift()!();
  await vi.waitFor(() => expect(batches).toEqual([1, 1, 10]));
  for (const end of running) end();
  await Promise.all(durable);
});
