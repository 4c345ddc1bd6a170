import type { EachBatchPayload } from 'kafkajs';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import type { Membership } from '../../../src/kafka/feed/membership.js';
import { PartitionReader, type ReaderParts } from '../../../src/kafka/feed/partition-reader.js';
import { PartitionState } from '../../../src/kafka/feed/partition-state.js';
import { PoisonGuard } from '../../../src/kafka/feed/poison-guard.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

const SESSION_MS = 1_000;

/** Takes one message whose delivery has failed, `overdueMs` after the partitions were given up; heartbeats are taken all the while. */
function taking(overdueMs: () => number): Promise<void> {
  const guard = new PoisonGuard({ ratio: 1, window: 10, run: 10 });
  const state = new PartitionState('t', 0, 1, guard, 0);
  const membership = {
    ours: { epoch: 1, get: () => state },
    beat: (heartbeat: () => Promise<void>) => heartbeat(),
    get overdueMs() {
      return overdueMs();
    },
  } as unknown as Membership;
  const pipeline = {
    add: () => undefined,
    hasRoom: true,
    hasFailed: true,
    isOver: false,
    change: () => new Promise<void>(() => undefined),
  };
  const options = {
    exclusive: true,
    sessionMs: SESSION_MS,
    clock: systemClock,
    groupId: 'g',
    metrics: createMetrics(),
    read: () => ({ item: 1, rejected: false }),
  };
  const stall = { turned: () => undefined, waited: () => undefined };
  const parts = { options, membership, pipeline, stall, heartbeatMs: 10, draining: () => false };
  const reader = new PartitionReader<number>(parts as unknown as ReaderParts<number>);
  const lastOffset = () => '0';
  const message = { offset: '0', timestamp: '1', key: null, value: Buffer.from('a'), headers: {} };
  return reader.take({
    batch: {
      topic: 't',
      partition: 0,
      highWatermark: '1',
      fetchedOffset: '0',
      messages: [message],
      lastOffset,
    },
    heartbeat: async () => undefined,
    resolveOffset: () => undefined,
    isRunning: () => true,
    isStale: () => false,
  } as unknown as EachBatchPayload);
}

// Bug, seen in a chaos run with three brokers: kafkajs waited for the handler before it joined, the handler for its delivery, and
// the delivery for a lease that begins with the join. Limits were granted to nobody until a restart.
it('a handler whose partitions were given up calls for a rebalance when none has come for a session', async () => {
  let asked = 0;
  await expect(taking(() => (++asked < 5 ? SESSION_MS : SESSION_MS + 1))).rejects.toMatchObject({
    type: 'REBALANCE_IN_PROGRESS',
  });
  expect(asked).toBe(5);
});
