import type { Millis } from '../../core/clock.js';
import type { PoisonGuard } from './poison-guard.js';

/** How far one partition has got while this consumer owns it. Offsets name the next message, as commits do. */
export class PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly guard: PoisonGuard;
  /** The rebalance that last confirmed the partition as ours. Only then may its offsets be committed. */
  epoch: number;
  /** It went to another consumer: nothing of it is inserted or committed any more. */
  retired = false;
  /** Why it stands still, if it does. */
  stopped: string | undefined;
  /** Next message to take; undefined until the first arrived. */
  position: number | undefined;
  /** Every message before this one is durable. */
  durable: number | undefined;
  committed: number | undefined;
  /** Behind the last message, as the broker last said. */
  end: number | undefined;
  /** Behind the last message that can be read: what is behind it waits for a transaction to end. */
  stableEnd: number | undefined;
  /** How many messages waited for a transaction to end when the broker was last asked. */
  unstable = 0;
  /** When reading last moved on, or had reached the end. */
  movedAt: Millis;
  /** kafkajs fetched a batch with nothing to take: control records and aborted transactions only. */
  filtered = false;
  /** Arrival of the last message that is durable. */
  durableAt: Millis | undefined;
  /** Arrivals of the first message of each batch in progress, oldest first. */
  readonly pendingSince: Millis[] = [];

  constructor(topic: string, partition: number, epoch: number, guard: PoisonGuard, now: Millis) {
    this.topic = topic;
    this.partition = partition;
    this.epoch = epoch;
    this.guard = guard;
    this.movedAt = now;
  }

  /** Where reading began. */
  startAt(offset: number): void {
    this.position = this.durable = this.committed = offset;
  }

  moveTo(position: number, now: Millis): void {
    this.position = position;
    this.movedAt = now;
  }

  /** The broker said where the partition ends. */
  endsAt(end: number, stableEnd: number, now: Millis): void {
    // What was at the end until now has only now got something to read.
    if (this.position !== undefined && this.stableEnd !== undefined && this.stableEnd <= this.position)
      this.movedAt = now;
    this.end = end;
    this.stableEnd = stableEnd;
    this.unstable = end - stableEnd;
  }

  /** Messages not yet durable; undefined while the end is not known. */
  get lag(): number | undefined {
    if (this.end === undefined) return undefined;
    return this.durable === undefined ? undefined : Math.max(0, this.end - this.durable);
  }
}

export const partitionKey = (topic: string, partition: number) => `${topic}/${partition}`;
