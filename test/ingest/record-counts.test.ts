import { afterEach, expect, test, vi } from 'vitest';
import type { Written } from '../../src/ingest/batch-writer.js';
import { RecordCounts } from '../../src/ingest/record-counts.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

afterEach(() => void vi.useRealTimers());

const none = { new: 0, same: 0, corrected: 0, retracted: 0 };
const written = (more: Partial<Written>): Written => ({
  ...{ signals: none, subscriptions: none, outcomes: none },
  ...{ fates: [], rejections: 0, retractions: 0, erased: 0, accounts: new Set<string>() },
  ...more,
});

test('records are counted in the metric at once, and in the log once a minute, when any came', async () => {
  vi.useFakeTimers();
  const metrics = createMetrics();
  const lines: unknown[] = [];
  const counts = new RecordCounts(metrics, {
    info: (line: unknown) => void lines.push(line),
  });
  counts.add(written({ signals: { ...none, new: 3, corrected: 2 }, rejections: 1 }));
  counts.add(written({ outcomes: { ...none, same: 4, retracted: 1 }, retractions: 2 }));
  const { values } = await metrics.records.get();
  expect(values.map(({ labels, value }) => [labels.kind, labels.fate, value])).toEqual([
    ['signals', 'new', 3],
    ['signals', 'corrected', 2],
    ['outcomes', 'same', 4],
    ['outcomes', 'retracted', 1],
  ]);
  const rejection = { reason: 'not_json', detail: 'x', field: '', id: '', raw: Buffer.from('x') } as const;
  const origin = { topic: 'grpc', partition: -1, offset: -1 };
  counts.messages([{ record: { kind: 'rejection', rejection }, origin, receivedAt: 0 }]);
  // Those that never came are there, too: an alarm sees the first of each.
  const rejected = (await metrics.rejections.get()).values;
  expect(rejected.filter(({ value }) => value > 0)).toMatchObject([
    { labels: { reason: 'not_json' }, value: 1 },
  ]);
  expect(rejected.length).toBeGreaterThan(10);
  expect((await metrics.messages.get()).values).toMatchObject([{ labels: { kind: 'rejection' }, value: 1 }]);
  vi.advanceTimersByTime(59_000);
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(lines).toEqual([
    { new: 3, same: 4, corrected: 2, retracted: 1, rejected: 1, retractions: 2, erased: 0 },
  ]);
  vi.advanceTimersByTime(600_000);
  counts.add(written({ signals: { ...none, new: 1 } }));
  counts.flush();
  counts.flush();
  expect(lines.slice(1)).toEqual([
    { new: 1, same: 0, corrected: 0, retracted: 0, rejected: 0, retractions: 0, erased: 0 },
  ]);
});
