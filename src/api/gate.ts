import { LRUCache } from 'lru-cache';
import { PerennialError } from '../core/errors.js';
import type { Cost } from './rpc.js';

/** How many calls of one cost run at once, and how many wait: in all, and of one caller. */
export interface Lane {
  readonly running: number;
  readonly waiting: number;
  readonly ofCaller: number;
}

/** Work has a lane of its own, so that it never stands before a lookup. */
export const LANES: Readonly<Record<Exclude<Cost, 'none'>, Lane>> = {
  lookup: { running: 16, waiting: 1_024, ofCaller: 512 },
  work: { running: 2, waiting: 128, ofCaller: 32 },
  // Inserts are joined, so many may run; each holds its request in memory.
  write: { running: 64, waiting: 64, ofCaller: 48 },
  // A person's query may take minutes: a lane of its own, too.
  query: { running: 2, waiting: 16, ofCaller: 8 },
  stream: { running: 4_000, waiting: 0, ofCaller: 2_000 },
};

/** What a refused caller is asked to wait, by what is running before it. */
const COME_AGAIN_MS: Readonly<Record<Exclude<Cost, 'none'>, number>> = {
  lookup: 250,
  work: 2_000,
  write: 500,
  query: 5_000,
  stream: 5_000,
};

interface Waiting {
  readonly caller: string;
  readonly go: () => void;
  /** Whether the caller has gone, and the signal is yet to say so. */
  readonly isGone: () => boolean;
}

/**
 * Lets calls in by what they cost. Callers take turns, so that one that asks for much waits behind itself and not before others; a call
 * whose caller has gone is not waited for; and what is more than may wait is refused at once, with when to come again.
 */
export class Gate {
  readonly #lanes: ReadonlyMap<Cost, LaneState>;

  constructor(lanes: Readonly<Record<Exclude<Cost, 'none'>, Lane>> = LANES) {
    this.#lanes = new Map(
      (['lookup', 'work', 'write', 'query', 'stream'] as const).map((cost) => [
        cost,
        new LaneState(cost, lanes[cost]),
      ]),
    );
  }

  /**
   * Resolves to what must be called when the call is over. Throws `limit_exceeded`, or the signal's reason.
   * @param isGone Whether the signal is about to abort: such a call gets no place that becomes free.
   */
  async enter(
    cost: Cost,
    caller: string,
    signal: AbortSignal,
    isGone = () => signal.aborted,
  ): Promise<() => void> {
    const lane = this.#lanes.get(cost);
    if (lane === undefined) return () => {};
    await lane.enter(caller, signal, isGone);
    let left = false;
    return () => {
      if (!left) lane.leave(caller);
      left = true;
    };
  }

  /** Throws `limit_exceeded` where `enter` would, and lets nobody in. */
  refuse(cost: Cost, caller: string): void {
    this.#lanes.get(cost)?.refuse(caller);
  }

  /** Calls the listener whenever the number of waiting calls of a cost changes. */
  onWaiting(listener: (cost: Cost, waiting: number) => void): void {
    for (const [cost, lane] of this.#lanes) lane.onWaiting = (waiting) => listener(cost, waiting);
  }
}

class LaneState {
  readonly #cost: Exclude<Cost, 'none'>;
  readonly #lane: Lane;
  /** Waiting calls of each caller, callers in the order of their turns. */
  readonly #queues = new Map<string, Waiting[]>();
  /** Running and waiting calls of each caller. */
  readonly #ofCaller = new Map<string, number>();
  #running = 0;
  #waiting = 0;
  readonly #refusals = new LRUCache<string, PerennialError>({ max: 256 });
  onWaiting: (waiting: number) => void = () => {};

  constructor(cost: Exclude<Cost, 'none'>, lane: Lane) {
    this.#cost = cost;
    this.#lane = lane;
  }

  refuse(caller: string): void {
    const own = this.#ofCaller.get(caller) ?? 0;
    if (own >= this.#lane.ofCaller)
      throw this.#refusal(`${own} calls of this caller are running or waiting`, 'CALLS_OF_CALLER', caller);
    if (this.#running >= this.#lane.running && this.#waiting >= this.#lane.waiting)
      throw this.#refusal(
        `${this.#running + this.#waiting} calls are running or waiting`,
        'CALLS_IN_ALL',
        '',
      );
  }

  async enter(caller: string, signal: AbortSignal, isGone: () => boolean): Promise<void> {
    signal.throwIfAborted();
    this.refuse(caller);
    this.#ofCaller.set(caller, (this.#ofCaller.get(caller) ?? 0) + 1);
    if (this.#running < this.#lane.running) {
      this.#running++;
      return;
    }
    await this.#wait(caller, signal, isGone);
  }

  leave(caller: string): void {
    this.#forget(caller);
    this.#running--;
    this.#next();
  }

  #wait(caller: string, signal: AbortSignal, isGone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = () => {
        this.#remove(waiting);
        this.#forget(caller);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        caller,
        isGone,
        go: () => {
          signal.removeEventListener('abort', gone);
          this.#running++;
          resolve();
        },
      };
      signal.addEventListener('abort', gone, { once: true });
      const queue = this.#queues.get(caller);
      if (queue === undefined) this.#queues.set(caller, [waiting]);
      else queue.push(waiting);
      this.#count(1);
    });
  }

  #next(): void {
    while (this.#running < this.#lane.running) {
      const [first] = this.#queues;
      if (first === undefined) return;
      const [caller, queue] = first;
      const waiting = queue.shift()!;
      this.#count(-1);
      // To the end of the callers, so that each has its turn.
      this.#queues.delete(caller);
      if (queue.length > 0) this.#queues.set(caller, queue);
      // One that is gone is counted until its signal says so.
      if (!waiting.isGone()) waiting.go();
    }
  }

  #remove(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.caller);
    const at = queue?.indexOf(waiting) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.splice(at, 1);
    this.#count(-1);
    if (queue.length === 0) this.#queues.delete(waiting.caller);
  }

  #count(change: 1 | -1): void {
    this.#waiting += change;
    this.onWaiting(this.#waiting);
  }

  #forget(caller: string): void {
    const left = this.#ofCaller.get(caller)! - 1;
    if (left === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, left);
  }

  /** One for all that are refused alike: what a caller is refused by the hundred has to cost little. */
  #refusal(what: string, reason: string, caller: string): PerennialError {
    const key = `${what}\0${caller}`;
    const known = this.#refusals.get(key);
    if (known !== undefined) return known;
    const refusal = new PerennialError('limit_exceeded', `${what}, and no more may wait.`, {
      reason,
      retryable: true,
      retryAfterMs: COME_AGAIN_MS[this.#cost],
      ...(caller === '' ? {} : { subject: { type: 'caller', name: caller } }),
      hint: 'Have fewer in flight, or ask for more with each.',
    });
    this.#refusals.set(key, refusal);
    return refusal;
  }
}
