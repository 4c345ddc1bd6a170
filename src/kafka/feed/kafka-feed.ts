import { setTimeout as sleep } from 'node:timers/promises';
import { type Millis, steadyClock } from '../../core/clock.js';
import type { PerennialError } from '../../core/errors.js';
import { OutageLog } from '../../telemetry/outage-log.js';
import { installFetchProtocol } from '../internals/fetch-protocol.js';
import { mendHeartbeats } from '../internals/heartbeats.js';
import { mendMetadataAge } from '../internals/metadata-age.js';
import { kafkaError, needsOperator } from '../kafka-error.js';
import { ConsumerSession, type Deliver, type FeedParts } from './consumer-session.js';
import type { FeedOptions } from './feed-options.js';
import { LagMonitor } from './lag-monitor.js';
import { notOwner, type PartitionLease } from './lease.js';
import type { SessionEnd } from './session-end.js';
import { StallWatch } from './stall-watch.js';
import { Standstill } from './standstill.js';

/** A session that lived longer was a good one: the next fault is another fault. */
const STEADY_MS = 60_000;
/** Sessions in a row that hang, though brokers answer, until the process should be restarted. */
const HUNG_SESSIONS = 3;
/** How often a feed that waits looks whether brokers are back. */
const LOOK_MS = 200;

/**
 * Messages from Kafka, at least once, each partition in order.
 *
 * kafkajs consumes; the feed decides when an offset may be committed. The trade-off: after a crash or a rebalance
 * some messages are read twice (consumers of batches are idempotent), so that none is ever lost. Three nested machines:
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
  readonly #parts: FeedParts;
  #session: ConsumerSession<Item> | undefined;
  /** Why the session before ended. */
  #lastFault: string | undefined;
  /** Sessions in a row that hung, though brokers answered. */
  #hung = 0;
  #durableAt: Millis;

  constructor(options: FeedOptions<Item>) {
    installFetchProtocol();
    mendHeartbeats();
    mendMetadataAge();
    this.#options = options;
    this.name = `kafka:${options.groupId}`;
    this.#durableAt = steadyClock();
    this.#parts = this.#makeParts();
    this.#showMetrics();
  }

  async run(deliver: Deliver<Item>, signal: AbortSignal): Promise<void> {
    const { lag } = this.#parts;
    const timer = setInterval(() => this.#report(), 1_000);
    lag.start();
    try {
      await this.#runSessions(deliver, signal);
    } finally {
      clearInterval(timer);
      await lag.stop();
      this.#parts.standstill.report([]);
    }
  }

  async #runSessions(deliver: Deliver<Item>, signal: AbortSignal): Promise<void> {
    const { groupId: group, metrics, logger, brokerState } = this.#options;
    let after = 'first';
    let failures = 0;
    let everJoined = false;
    while (!signal.aborted) {
      metrics.kafkaSessions.inc({ group, after });
      const begun = steadyClock();
      const session = new ConsumerSession(this.#options, deliver, this.#parts);
      this.#session = session;
      const end = await session.run(signal);
      this.#session = undefined;
      if (end.kind === 'drained') return;
      everJoined ||= end.joined;
      const error = kafkaError(end.error);
      // From then on it may be what passes: a broker that has just come back does not know its topics yet.
      if (needsOperator(error) && !everJoined) throw error;
      this.#lastFault = error.message;
      this.#countHung(end, steadyClock() - begun);
      after = error.code === 'internal' ? 'defect' : end.kind;
      if (steadyClock() - begun > STEADY_MS) failures = 0;
      const wait = backOff(failures++, error);
      // While no broker answers, the broker watch has logged it.
      if (brokerState?.fault() === undefined)
        this.#parts.brokerOutage.failed(error, { group, waitMs: Math.round(wait) });
      logger.debug({ group, error: end.error, wait }, 'The consumer session ended; a new one starts');
      await this.#pause(wait, signal);
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

  /**
   * What a restart of the process should heal: the client hangs in session after session, though brokers answer. Not that brokers
   * are away, or refuse: the next process would fare no better.
   */
  notLive(): string | undefined {
    if (this.#hung >= HUNG_SESSIONS)
      return `The consumer hung in ${this.#hung} sessions in a row, though brokers answer: ${this.#lastFault}`;
    const { stuckMs, rebalanceMs } = this.#options;
    const longest = rebalanceMs + HUNG_SESSIONS * stuckMs;
    const { ageMs } = this.#parts.stall;
    return this.#session !== undefined && ageMs > longest && this.#answeringMs() > longest
      ? `The consumer loop has not turned for ${Math.round(ageMs / 1000)} s, though brokers answer.`
      : undefined;
  }

  #countHung({ kind }: SessionEnd, livedMs: Millis): void {
    if (livedMs > STEADY_MS + this.#options.stuckMs || kind !== 'stuck') this.#hung = 0;
    if (kind === 'stuck' && this.#answeringMs() > this.#options.stuckMs) this.#hung++;
  }

  #answeringMs(): Millis {
    return this.#options.brokerState?.answeringMs ?? Number.POSITIVE_INFINITY;
  }

  /** Waits, but not on after brokers that were away have come back. */
  async #pause(ms: Millis, signal: AbortSignal): Promise<void> {
    const { brokerState } = this.#options;
    const until = steadyClock() + ms;
    let away = false;
    while (!signal.aborted && steadyClock() < until) {
      const fault = brokerState?.fault();
      if (away && fault === undefined) return;
      // The watch may notice an outage later than the session that it ended.
      away ||= fault !== undefined;
      await sleep(Math.min(LOOK_MS, until - steadyClock()), undefined, { signal }).catch(() => undefined);
    }
  }

  #report(): void {
    const { groupId: group, metrics } = this.#options;
    metrics.kafkaLoopAge.set({ group }, this.#parts.stall.ageMs / 1000);
    metrics.kafkaDurableAge.set({ group }, (steadyClock() - this.#durableAt) / 1000);
    this.#parts.lag.report();
  }

  #makeParts(): FeedParts {
    const { logger, stuckMs, rebalanceMs } = this.#options;
    return {
      stall: new StallWatch(steadyClock, stuckMs, rebalanceMs),
      standstill: new Standstill(this.#options),
      lag: new LagMonitor(this.#options, (state, low) => this.#session?.skip(state, low)),
      storeOutage: new OutageLog(logger, {
        begin: 'A delivery failed; trying again, with growing pauses',
        end: 'Deliveries go well again',
      }),
      brokerOutage: new OutageLog(logger, {
        begin: 'The consumer session ended; a new one starts, after growing pauses',
        end: 'The consumer is in its group again',
      }),
      onDurable: () => {
        this.#durableAt = steadyClock();
      },
    };
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
      metrics.unreadMessages,
    ])
      counter.inc({ group }, 0);
    for (const after of ['crashed', 'stuck', 'defect']) metrics.kafkaSessions.inc({ group, after }, 0);
    this.#report();
  }
}

/**
 * 0.2 s, doubling to 10 s, with jitter, so that many consumers don't come back in one moment. To a minute for what is no fault of
 * the network: each new session makes the whole group give out its partitions anew.
 */
function backOff(failures: number, { code }: PerennialError): Millis {
  const most = code === 'unavailable' ? 10_000 : 60_000;
  return Math.min(most, 200 * 2 ** failures) * (0.5 + Math.random());
}
