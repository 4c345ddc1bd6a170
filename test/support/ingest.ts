import { systemClock } from '../../src/core/clock.js';
import type { DeadLetters } from '../../src/ingest/kafka/dead-letters.js';
import { KafkaSource, type KafkaSourceOptions } from '../../src/ingest/kafka/kafka-source.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { parseMessage } from '../../src/signals/parse.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { testClient, unique } from './kafka.js';

export interface RunningSource {
  readonly source: KafkaSource;
  readonly group: string;
  readonly metrics: Metrics;
  /** What was handed over, and did not fail. */
  readonly delivered: Delivery[];
  stop(): Promise<void>;
}

/** A source of signals on the shared broker, with quick settings. */
export function startSource(
  topic: string,
  {
    deliver = async () => undefined,
    metrics = createMetrics(),
    ...options
  }: Partial<KafkaSourceOptions> & {
    readonly deliver?: (batch: readonly Delivery[]) => Promise<void>;
    readonly deadLetters?: DeadLetters;
  } = {},
): RunningSource {
  const delivered: Delivery[] = [];
  const group = unique('group');
  const source = new KafkaSource({
    kafka: testClient(),
    groupId: group,
    topics: [topic],
    parse: ({ body, headers, receivedAt }) =>
      parseMessage({ body, headers }, 'signal', { receivedAt, catalogue: EMPTY_CATALOGUE }),
    clock: systemClock,
    logger: silentLogger(),
    metrics,
    batchRows: 1_000,
    batchBytes: 1_000_000,
    batchMs: 20,
    inFlight: 2,
    sessionMs: 3_000,
    rebalanceMs: 30_000,
    stuckMs: 10_000,
    poison: { ratio: 1, window: 1_000, run: 1_000 },
    ...options,
  });
  const stopping = new AbortController();
  const running = source.run(async (batch) => {
    await deliver(batch);
    delivered.push(...batch);
  }, stopping.signal);
  running.catch(() => undefined);
  return {
    source,
    group,
    metrics,
    delivered,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
