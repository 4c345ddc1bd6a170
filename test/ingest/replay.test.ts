import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { replayRejections } from '../../src/ingest/replay.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { listRejections } from '../../src/store/rejected-signals.js';
import { tempStore } from '../support/temp-store.js';

const ARRIVED = Date.UTC(2026, 0, 2);
const TOPIC = 'perennial.signals.usage';
let temp: Awaited<ReturnType<typeof tempStore>>;
beforeAll(async () => {
  temp = await tempStore();
});
afterAll(() => temp.close());

function rejected(offset: number, raw: Uint8Array): Delivery {
  const rejection = {
    reason: 'bad_value' as const,
    detail: 'An older version refused it.',
    field: '',
    id: '',
    raw,
  };
  return {
    record: { kind: 'rejection', rejection },
    origin: { topic: TOPIC, partition: 3, offset },
    receivedAt: ARRIVED,
  };
}

const readable = (i: number) =>
  Buffer.from(
    JSON.stringify({
      id: `s-${i}`,
      source: 'test',
      category: 'usage',
      type: 'feature_used',
      account_id: 'a',
      time: '2026-01-01T00:00:00Z',
    }),
  );

it('stores what can be read now, under its first origin, and leaves the rest rejected, page by page', async () => {
  const { store } = temp;
  const broken = Buffer.from([0xff, 0xfe, 0x00, 0x7b]);
  const batch = Array.from({ length: 450 }, (_, i) => rejected(i, readable(i)));
  await writeBatch(store, [...batch, rejected(1_000, broken), rejected(1_001, Buffer.from('{'))]);

  const summary = await replayRejections(store, EMPTY_CATALOGUE, 'perennial.', { topic: TOPIC });
  expect(summary).toEqual({
    ...{ read: 452, accepted: 450, stillRejected: { not_utf8: 1, not_json: 1 } },
    fates: { new: 450, same: 0, corrected: 0, retracted: 0 },
  });

  const left = await listRejections(store, { limit: 10 });
  expect(left.map(({ origin }) => origin.offset)).toEqual([1_000, 1_001]);
  expect(Buffer.from(left[0]!.raw)).toEqual(broken);
  const [stored] = await store.rows<{ count: number; first: number; arrived: string }>(
    'SELECT count() AS count, min(_offset) AS first, toString(max(received_at)) AS arrived FROM signals',
  );
  expect(stored).toEqual({ count: 450, first: 0, arrived: '2026-01-02 00:00:00.000' });

  const again = await replayRejections(store, EMPTY_CATALOGUE, 'perennial.', {});
  expect(again).toMatchObject({ read: 2, accepted: 0, stillRejected: { not_utf8: 1, not_json: 1 } });
});
