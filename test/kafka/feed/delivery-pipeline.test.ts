import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { DeliveryPipeline, type PipelineOptions } from '../../../src/kafka/feed/delivery-pipeline.js';
import { PartitionState } from '../../../src/kafka/feed/partition-state.js';
import { PoisonGuard } from '../../../src/kafka/feed/poison-guard.js';

const MAX_AGE_MS = 25;
const MAX_ROWS = 100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A pipeline of one delivery at a time, and the batches it hands over, each with what ends its delivery. */
function pipeline(options: Partial<PipelineOptions<number>> = {}) {
  const batches: { items: readonly number[]; done: () => void }[] = [];
  const state = new PartitionState(
    'topic',
    0,
    1,
    new PoisonGuard({ ratio: 1, window: 1_000, run: 1_000 }),
    systemClock(),
  );
  const fails = (error: unknown) => {
    throw error;
  };
  const line = new DeliveryPipeline<number>({
    maxRows: MAX_ROWS,
    maxBytes: 1_000_000,
    maxAgeMs: MAX_AGE_MS,
    inFlight: 1,
    clock: systemClock,
    deliver: (items) => new Promise((resolve) => batches.push({ items, done: resolve })),
    onDurable: () => {},
    onRetry: fails,
    onHealed: () => {},
    onStale: fails,
    ...options,
  });
  /** Takes a message; its number is its offset. */
  const add = (item: number) => line.add(item, state, item + 1, 1, systemClock());
  return { line, add, batches, state };
}

// Bug: what came in during a long delivery was cut into a batch every few milliseconds, and each became a pass of its own.
it('gathers what comes in during a delivery into one batch, however long it takes', async () => {
  const { add, batches, state } = pipeline();
  add(0);
  await vi.advanceTimersByTimeAsync(MAX_AGE_MS);
  for (let item = 1; item <= 40; item++) {
    add(item);
    await vi.advanceTimersByTimeAsync(MAX_AGE_MS);
  }
  expect(batches.map(({ items }) => items)).toEqual([[0]]);
  batches[0]!.done();
  await vi.advanceTimersByTimeAsync(0);
  expect(batches[1]!.items).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  batches[1]!.done();
  await vi.advanceTimersByTimeAsync(0);
  expect(state.durable).toBe(41);
});

it('hands a batch over when it is full, and when it is old enough, if nothing is under way', async () => {
  const { add, batches } = pipeline();
  for (let item = 0; item < MAX_ROWS; item++) add(item);
  expect(batches.map(({ items }) => items.length)).toEqual([MAX_ROWS]);
  batches[0]!.done();
  await vi.advanceTimersByTimeAsync(0);
  add(MAX_ROWS);
  await vi.advanceTimersByTimeAsync(MAX_AGE_MS - 1);
  expect(batches).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(batches[1]!.items).toEqual([MAX_ROWS]);
});

// Bug: once a try had failed, the feed gave its partitions up, and stopped, while the next try was at work.
it('has not failed while a further try is at work', async () => {
  const tries: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const { line, add, state } = pipeline({
    deliver: () => new Promise<void>((resolve, reject) => tries.push({ resolve, reject })),
    onRetry: () => {},
  });
  add(0);
  await vi.advanceTimersByTimeAsync(MAX_AGE_MS);
  tries[0]!.reject(new Error('not yet'));
  await vi.advanceTimersByTimeAsync(0);
  expect(line.hasFailed).toBe(true);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tries).toHaveLength(2);
  expect([line.hasFailed, line.failing?.error.message]).toEqual([false, expect.stringContaining('not yet')]);
  let drained = false;
  const drain = line.drain().then(() => {
    drained = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(drained).toBe(false);
  tries[1]!.resolve();
  await drain;
  expect(state.durable).toBe(1);
});

// Bug: the handler of a session that had ended waited for ever for what was dropped. Its heartbeats kept a dead member in the
// group, for which the next session waited as long as a rebalance may take: five minutes.
it('is over once it was stopped and its delivery has ended, well or not, whatever was left', async () => {
  const { line, add, batches, state } = pipeline();
  add(0);
  await vi.advanceTimersByTimeAsync(MAX_AGE_MS);
  add(1);
  expect(line.isOver).toBe(false);
  const stopped = line.stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(line.isOver).toBe(false);
  batches[0]!.done();
  await stopped;
  expect([line.isOver, line.hasFailed, state.durable]).toEqual([true, false, 1]);
});
