import { expect, it } from 'vitest';
import { PerennialError } from '../../../src/core/errors.js';
import { riskKey, riskTombstone } from '../../../src/engine/kafka/events.js';
import { Publisher } from '../../../src/engine/kafka/publisher.js';
import type { SendOptions } from '../../../src/kafka/confirmed-producer.js';
import type { PartitionLease } from '../../../src/kafka/feed/lease.js';
import type { KeyedMessage } from '../../../src/kafka/requests.js';
import type { Scoring } from '../../../src/scoring/load.js';
import type { Store } from '../../../src/store/store.js';
import { silentLogger } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { metricValue } from '../../support/metric-value.js';

// Bug: subscription "main" of two accounts had one key, so that compaction kept the risk of one of them.
it('the key of a risk names account and subscription, and no two pairs share one', () => {
  expect(riskKey('acme', 'sub-1')).toBe('acme/sub-1');
  expect(riskKey('Müller AG', '2026/1')).toBe('M%C3%BCller%20AG/2026%2F1');
  expect(riskKey('a/b', 'c')).not.toBe(riskKey('a', 'b/c'));
  expect(riskKey('a%2Fb', 'c')).not.toBe(riskKey('a/b', 'c'));
  expect(riskTombstone('acme', 'sub-1')).toEqual({ key: 'acme/sub-1', value: null });
});

function publisher(
  send: (messages: readonly KeyedMessage[], options?: SendOptions) => readonly KeyedMessage[],
) {
  const metrics = createMetrics();
  const it = new Publisher({
    producer: {
      send: async (_topic, messages, options) => {
        const refused = send(messages, options);
        const error = new PerennialError('limit_exceeded', 'Too large.');
        return messages.filter((message) => refused.includes(message)).map((message) => ({ message, error }));
      },
    },
    store: {} as Store,
    topics: { risks: 'risks', decisions: 'decisions' },
    clock: () => 0,
    logger: silentLogger(),
    metrics,
  });
  return { it, metrics };
}
const lease = (assertStillOwner: () => void) => ({
  epoch: 1,
  generation: 1,
  partitions: [],
  assertStillOwner,
});
/** Publishes that subscriptions left, as a pass does. */
async function retract(to: Publisher, under: PartitionLease): Promise<void> {
  const sink = to.sink({} as Scoring, under);
  await sink.left(gone, 0);
  await sink.finish();
}
const gone = ['x', 'y'].map((subscriptionId) => ({ accountId: 'a', subscriptionId }));

it('a publisher has the producer ask the lease before each request', async () => {
  const { it: publishes } = publisher((_messages, options) => {
    options?.mayGoOn?.();
    return [];
  });
  const lost = lease(() => {
    throw new PerennialError('cancelled', 'Replaced.');
  });
  await expect(retract(publishes, lost)).rejects.toThrow('Replaced.');
  await retract(
    publishes,
    lease(() => {}),
  );
});

it('an event that Kafka does not take is counted and holds nothing back', async () => {
  const { it: publishes, metrics } = publisher((messages) => [messages[0]!]);
  await retract(
    publishes,
    lease(() => {}),
  );
  expect(await metricValue(metrics.eventsRefused)).toBe(1);
});
