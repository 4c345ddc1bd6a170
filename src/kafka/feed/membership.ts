import type { Consumer } from 'kafkajs';
import { type Millis, steadyClock } from '../../core/clock.js';
import { ExclusiveWork } from './exclusive-work.js';
import type { FeedOptions } from './feed-options.js';
import { Lease, notOwner, type PartitionLease } from './lease.js';
import { Ownership } from './ownership.js';

type Options = Pick<FeedOptions<unknown>, 'clock' | 'sessionMs' | 'rebalanceMs'>;

/**
 * One consumer's place in its group: which partitions are its own, for how long that is sure, and which work has to end before
 * it gives them up.
 */
export class Membership {
  readonly ours = new Ownership();
  readonly #lease: Lease;
  readonly #exclusive = new ExclusiveWork();
  #leaving = false;
  /** When the partitions were given up, until the consumer joins anew. */
  #gaveUpAt: Millis | undefined;
  /** No heartbeat is to come any more. */
  #silent = false;
  /** Work that waits for the lease of the latest join to begin. */
  #waiting: (() => void)[] = [];

  constructor({ clock, sessionMs, rebalanceMs }: Options) {
    this.#lease = new Lease({ sessionMs, rebalanceMs }, { wall: clock, steady: steadyClock });
  }

  /** Follows what the consumer says about its heartbeats and the group. */
  listen(consumer: Consumer): void {
    const { events } = consumer;
    consumer.on(events.REQUEST, ({ payload: { apiName, sentAt } }) => {
      if (apiName === 'Heartbeat') this.#lease.answered(sentAt);
    });
    consumer.on(events.HEARTBEAT, ({ payload: { groupGenerationId } }) => {
      this.#lease.taken(groupGenerationId);
      if (!this.#lease.isBeginning) this.#goOn();
    });
    consumer.on(events.REBALANCING, () => this.#giveUp());
  }

  /** The group gave out its partitions; `ours` has them. */
  joined(): void {
    this.#gaveUpAt = undefined;
    this.#lease.joined();
  }

  /** Since when the consumer should join anew, and has not; 0 while it need not. */
  get overdueMs(): Millis {
    return this.#gaveUpAt === undefined ? 0 : steadyClock() - this.#gaveUpAt;
  }

  /** Whether the consumer has to wait before it joins anew. Work that is running learns that it has to end. */
  readonly mustWait = (): boolean => {
    if (!this.#exclusive.isRunning) return false;
    this.#giveUp();
    return true;
  };

  /** Sends a heartbeat, if one is due, and takes note of what the broker answers. Rejects as `heartbeat` does. */
  async beat(heartbeat: () => Promise<void>): Promise<void> {
    try {
      await heartbeat();
    } catch (error) {
      const { type } = error as { type?: unknown };
      if (type === 'REBALANCE_IN_PROGRESS') this.#recalled();
      else if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION') this.#giveUp();
      throw error;
    }
  }

  /** The partitions that are ours now. Its first question fails while that is not sure. */
  lease(): PartitionLease {
    const { epoch, partitions } = this.ours;
    const generation = this.#lease.generation ?? 0;
    const assertStillOwner = () => {
      if (this.ours.epoch !== epoch || generation === 0) throw notOwner('The group was given out anew.');
      const doubt = this.#lease.doubt();
      if (doubt !== undefined) throw notOwner(doubt);
    };
    return { epoch, generation, partitions, assertStillOwner };
  }

  /** Runs work under a lease, which may be about to begin; the consumer does not join anew before the work ends. */
  async underLease<T>(work: (lease: PartitionLease) => Promise<T>): Promise<T> {
    if (this.#lease.isBeginning && !this.#silent)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const lease = this.lease();
    return this.#exclusive.run(async () => {
      lease.assertStillOwner();
      return work(lease);
    });
  }

  /** As `underLease`, for work that can wait for another time: it ends early when the process is to stop. */
  async whileStaying<T>(work: (lease: PartitionLease) => Promise<T>): Promise<T> {
    return this.underLease((lease) =>
      work({
        ...lease,
        assertStillOwner: () => {
          if (this.#leaving) throw notOwner('This process is stopping.');
          lease.assertStillOwner();
        },
      }),
    );
  }

  /** From now on only what was taken is finished. */
  leaving(): void {
    this.#leaving = true;
  }

  /** The consumer is being stopped: a lease that has not begun never will. */
  silent(): void {
    this.#silent = true;
    this.#goOn();
  }

  /** Resolves once no work that needs the partitions is running. */
  settled(): Promise<void> {
    return this.#exclusive.settled();
  }

  /** Nothing is ours any more. Returns what was. */
  end(): ReturnType<Ownership['end']> {
    this.#leaving = true;
    this.#giveUp();
    return this.ours.end();
  }

  /** The group waits for work that is running. What has not begun would keep it waiting for nothing. */
  #recalled(): void {
    if (this.#lease.isBeginning) this.#giveUp();
    else this.#lease.recalled();
  }

  #giveUp(): void {
    this.#gaveUpAt ??= steadyClock();
    this.ours.epoch++;
    this.#lease.end();
    this.#goOn();
  }

  #goOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
