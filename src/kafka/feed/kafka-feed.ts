import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../../core/clock.js';
import type { PerennialError } from '../../core/errors.js';
import { OutageLog } from '../../telemetry/outage-log.js';
import { kafkaError, needsOperator } from '../kafka-error.js';
import { ConsumerSession, type Deliver, type Outages } from './consumer-session.js';
import type { FeedOptions } from './feed-options.js';
import { notOwner, type PartitionLease } from './lease.js';
import { Standstill } from './standstill.js';

/** A session that lived longer was a good one: the next fault is another fault. */
const STEADY_MS = 60_000;

/**
 * Messages from Kafka, at least once, each partition in order.
 *
 * kafkajs consumes; the feed decides when an offset may be committed. The trade-off: after a crash or a rebalance
 * some messages are read twice (whoever takes them is idempotent), so that none is ever lost. Three nested machines:
 *
 * **The feed** runs one consumer session after the other:
 *
 *     idle --run--> session --crashed or stuck--> backing off --> session ...
 *                      |  \--an operator's fault before the first join--> failed (run rejects: wrong password, no such topic)
 *                      \--abort--> draining --> done (run resolves)
 *
 * kafkajs restarts crashed consumers itself, but not those that hang; so its own restart is off and there is one path.
 *
 * **A session** (`consumer-session.ts`) is one consumer in the group. Its `epoch` goes up whenever the group rebalances
 * and when it ends. kafkajs hands a handler that outlived a rebalance the new generation's commit, so the epoch is
 * asked before every take, insert and commit:
 *
 *     joining --group join--> consuming --rebalancing--> joining ...
 *        |                        |
 *        \------------------------+--abort, crash, stuck--> ended
 *
 * On a join, partitions that stay ours go on where they were, buffer included, and are fetched from their position.
 * Partitions that went elsewhere are retired: their rows are taken out of batches, their offsets are not committed.
 *
 * **A partition** (`partition-state.ts`): taking --too much poison, or a batch that can't be read--> stopped; either
 * --rebalance--> retired. A stopped partition is paused, fails readiness, and stays so until the process is restarted.
 *
 * **A batch** (`delivery-pipeline.ts`): open, sealed, delivering, durable. When two batches and the open one are full, the
 * handler waits for room, with heartbeats: then nothing is fetched, nothing grows, and the group keeps the consumer.
 */
export class KafkaFeed<Item> {
  readonly name: string;
  readonly #options: FeedOptions<Item>;
  #session: ConsumerSession<Item> | undefined;
  /** Why the session before ended. */
  #lastFault: string | undefined;

  constructor(options: FeedOptions<Item>) {
    this.#options = options;
    this.name = `kafka:${options.groupId}`;
    this.#showMetrics();
  }

  async run(deliver: Deliver<Item>, signal: AbortSignal): Promise<void> {
    const { groupId, metrics, logger, clock } = this.#options;
    let after = 'first';
    let failures = 0;
    let everJoined = false;
    const standstill = new Standstill(this.#options);
    const outages = outagesOf(this.#options);
    while (!signal.aborted) {
      metrics.kafkaSessions.inc({ group: groupId, after });
      const begun = clock();
      const session = new ConsumerSession(this.#options, deliver, standstill, outages);
      this.#session = session;
      const end = await session.run(signal);
      this.#session = undefined;
      if (end.kind === 'drained') return;
      everJoined ||= end.joined;
      const error = kafkaError(end.error);
      // From then on it may be what passes: a broker that has just come back does not know its topics yet.
      if (needsOperator(error) && (!everJoined || error.code === 'failed_precondition')) throw error;
      this.#lastFault = error.message;
      after = error.code === 'internal' ? 'defect' : end.kind;
      if (clock() - begun > STEADY_MS) failures = 0;
      const wait = backOff(failures++, error);
      outages.broker.failed(error, { group: groupId, waitMs: Math.round(wait) });
      logger.debug(
        { group: groupId, error: end.error, wait },
        'The consumer session ended; a new one starts',
      );
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * Runs work that has to have the partitions to itself, beside what is delivered. The consumer stays in the group until it ends;
   * when the group is given out anew, or the feed is to stop, its lease says so. Throws `cancelled` when nothing is surely ours.
   */
  async exclusively<T>(work: (lease: PartitionLease) => Promise<T>): Promise<T> {
    if (this.#session === undefined) throw notOwner('There is no connection to Kafka.');
    return this.#session.exclusively(work);
  }

  /** What keeps this feed from being ready: lag, partitions that stand still, a store that refuses. */
  notReady(lagLimitMs: Millis): string | undefined {
    const last = this.#lastFault;
    if (this.#session === undefined)
      return `There is no connection to Kafka: ${last ?? 'The consumer has not started.'}`;
    const fault = this.#session.notReady(lagLimitMs);
    return fault === undefined || this.#session.joined || last === undefined
      ? fault
      : `${fault} The session before it ended: ${last}`;
  }

  /** What a restart of the process should heal: the loop has not turned, though new sessions were tried. */
  notLive(): string | undefined {
    const age = this.#session?.loopAgeMs ?? 0;
    return age > 3 * this.#options.stuckMs
      ? `The consumer loop has not turned for ${Math.round(age / 1000)} s.`
      : undefined;
  }

  /** From the beginning, so that an alarm can tell "none" from "not there". */
  #showMetrics(): void {
    const { groupId: group, metrics } = this.#options;
    for (const gauge of [metrics.kafkaPaused, metrics.kafkaPartitionsStopped]) gauge.set({ group }, 0);
    for (const counter of [
      metrics.kafkaRebalances,
      metrics.kafkaStaleStopped,
      metrics.kafkaCommitFailures,
      metrics.deliveryRetries,
    ])
      counter.inc({ group }, 0);
  }
}

function outagesOf({ logger, clock }: FeedOptions<unknown>): Outages {
  return {
    store: new OutageLog(logger, clock, {
      begin: 'A delivery failed; trying again, with growing pauses',
      end: 'Deliveries go well again',
    }),
    broker: new OutageLog(logger, clock, {
      begin: 'The consumer session ended; a new one starts, after growing pauses',
      end: 'The consumer is in its group again',
    }),
  };
}

/**
 * 0.2 s, doubling to 10 s, with jitter, so that many consumers don't come back in one moment. To a minute for what is no fault of
 * the network: each new session makes the whole group give out its partitions anew.
 */
function backOff(failures: number, { code }: PerennialError): Millis {
  const most = code === 'unavailable' ? 10_000 : 60_000;
  return Math.min(most, 200 * 2 ** failures) * (0.5 + Math.random());
}
