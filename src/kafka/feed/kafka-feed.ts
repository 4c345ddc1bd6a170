import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../../core/clock.js';
import { permanentFault } from '../kafka-error.js';
import { ConsumerSession, type Deliver } from './consumer-session.js';
import type { FeedOptions } from './feed-options.js';
import { notOwner, type PartitionLease } from './lease.js';
import { Standstill } from './standstill.js';

/**
 * Messages from Kafka, at least once, each partition in order.
 *
 * kafkajs consumes; the feed decides when an offset may be committed. The trade-off: after a crash or a rebalance
 * some messages are read twice (whoever takes them is idempotent), so that none is ever lost. Three nested machines:
 *
 * **The feed** runs one consumer session after the other:
 *
 *     idle --run--> session --crashed or stuck--> backing off --> session ...
 *                      |  \--permanent fault--> failed (run rejects: wrong password, no such topic, a defect)
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
    const { groupId, metrics, logger } = this.#options;
    let after = 'first';
    let failures = 0;
    let everJoined = false;
    const standstill = new Standstill(this.#options);
    while (!signal.aborted) {
      metrics.kafkaSessions.inc({ group: groupId, after });
      const session = new ConsumerSession(this.#options, deliver, standstill);
      this.#session = session;
      const end = await session.run(signal);
      this.#session = undefined;
      if (end.kind === 'drained') return;
      everJoined ||= end.joined;
      const permanent = permanentFault(end.error);
      // A broker that has just come back does not know its topics yet; one that never knew them has none.
      if (permanent !== undefined && !(everJoined && permanent.code === 'not_found')) throw permanent;
      this.#lastFault = end.error.message;
      after = end.kind;
      failures = end.joined ? 0 : failures + 1;
      const wait = backOff(failures);
      logger.warn(
        { feed: this.name, error: end.error, waitMs: wait },
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

/** 0.2 s, doubling to 10 s, with jitter, so that many consumers don't come back in one moment. */
function backOff(failures: number): Millis {
  return Math.min(10_000, 200 * 2 ** failures) * (0.5 + Math.random());
}
