import pRetry from 'p-retry';
import type { Clock, Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { PartitionState } from './partition-state.js';

export interface PipelineOptions<Item> {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Longest time a message waits for others. */
  readonly maxAgeMs: Millis;
  /** Deliveries in progress at once. */
  readonly inFlight: number;
  readonly clock: Clock;
  /** Makes the items durable: their rows are in the store, or what they asked for is done. */
  deliver(items: readonly Item[]): Promise<void>;
  /** Some partition's `durable` has moved on. */
  onDurable(): void;
  /** A delivery failed, or was given up (`cancelled`), and will be tried again. */
  onRetry(error: PerennialError, attempt: number): void;
  /** A delivery that had failed went well. */
  onHealed(): void;
  /** A batch lost rows because their partition went to another consumer before they were inserted. */
  onStale(rows: number): void;
}

interface Batch<Item> {
  readonly items: Item[];
  /** The partition of each item. */
  readonly states: PartitionState[];
  bytes: number;
  /** Next offset of each partition once this batch is durable. */
  readonly next: Map<PartitionState, { offset: number; arrivedAt: Millis }>;
  stage: 'open' | 'sealed' | 'delivering' | 'durable';
  /** Since when its delivery fails, and how; undefined while it goes well. */
  failing: Failing | undefined;
}

export interface Failing {
  readonly since: Millis;
  readonly error: PerennialError;
}

/**
 * Gathers messages of all partitions into batches, delivers them, and moves each partition's `durable`.
 *
 * One batch holds messages of many partitions: the store wants few large inserts, however many partitions there are.
 *
 *     open -----> sealed -----> delivering -----> durable
 *      rows, bytes   a place is     `deliver`         when every earlier batch is durable too,
 *      or age full   free           resolved          its partitions' `durable` moves on
 *
 * - open: exactly one or none. Sealed when it has `maxRows` or `maxBytes`, or its first message is `maxAgeMs` old and a
 *   place is free.
 * - delivering: at most `inFlight` at once. What fails, or was given up since partitions may have changed hands, is tried again,
 *   without end, with back-off and jitter: whatever the fault is, an end of the process would not heal it. Before every try the rows
 *   of partitions that have meanwhile gone to another consumer are taken out.
 * - durable, out of turn: waits for earlier batches, since an offset says that everything before it is done.
 *
 * Nothing is held beyond `inFlight + 1` full batches and the fetch that overflows them: `hasRoom` and `room` are how
 * the reader waits.
 */
export class DeliveryPipeline<Item> {
  readonly #options: PipelineOptions<Item>;
  /** Batches in order, the open one last. */
  readonly #batches: Batch<Item>[] = [];
  readonly #stop = new AbortController();
  #delivering = 0;
  /** Tries that are running. */
  #trying = 0;
  #rows = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the open batch's first message is `maxAgeMs` old. */
  #ripe = false;
  #waiting: (() => void)[] = [];

  constructor(options: PipelineOptions<Item>) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    const { maxRows, maxBytes, inFlight } = this.#options;
    return this.#rows < maxRows * (inFlight + 1) && this.#bytes < maxBytes * (inFlight + 1);
  }

  get isIdle(): boolean {
    return this.#batches.length === 0;
  }

  /** The oldest delivery that fails and is being tried again, if any. */
  get failing(): Failing | undefined {
    return this.#batches.find((batch) => batch.failing !== undefined)?.failing;
  }

  /** Whether a delivery has failed and none is at work: what failed waits for its next try. */
  get hasFailed(): boolean {
    return this.#trying === 0 && this.failing !== undefined;
  }

  /** Whether it was stopped and nothing is in progress: what was left will not become durable here. */
  get isOver(): boolean {
    return this.#stop.signal.aborted && this.#delivering === 0;
  }

  /** Resolves as soon as a delivery ended, well or not, or the pipeline stopped. */
  async change(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Takes one message of so many bytes. `next` is the offset that may be committed once it is durable, `receivedAt` the broker's
   * time of it.
   */
  add(item: Item, state: PartitionState, next: number, bytes: number, receivedAt: Millis): void {
    const batch = this.#open();
    batch.items.push(item);
    batch.states.push(state);
    batch.bytes += bytes;
    this.#rows++;
    this.#bytes += bytes;
    const known = batch.next.get(state);
    if (known === undefined) {
      batch.next.set(state, { offset: next, arrivedAt: receivedAt });
      state.pendingSince.push(receivedAt);
    } else {
      known.offset = next;
      known.arrivedAt = receivedAt;
    }
    if (batch.items.length >= this.#options.maxRows || batch.bytes >= this.#options.maxBytes) this.seal();
  }

  /** Passes over what holds no message: it is done when everything before it is. */
  skip(state: PartitionState, next: number): void {
    const pending = this.#batches.findLast((batch) => batch.next.has(state))?.next.get(state);
    if (pending !== undefined) pending.offset = next;
    else {
      state.durable = next;
      this.#options.onDurable();
    }
  }

  /** Closes the open batch, full or not. */
  seal(): void {
    clearTimeout(this.#timer);
    this.#ripe = false;
    const last = this.#batches.at(-1);
    if (last?.stage !== 'open') return;
    last.stage = 'sealed';
    this.#pump();
  }

  /** The open batch has waited long enough. While no place is free it may as well grow: the store wants few large inserts. */
  #ripen(): void {
    this.#ripe = true;
    if (this.#delivering < this.#options.inFlight) this.seal();
  }

  /** Waits until everything is durable, or a delivery fails: then it is left to the next reader of the messages. */
  async drain(): Promise<void> {
    this.seal();
    while (!this.isIdle && !this.hasFailed) await this.change();
  }

  /** Stops trying again: deliveries in progress end, whatever is left is dropped. Resolves when nothing is in progress. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    while (this.#delivering > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#batches.length = 0;
    this.#rows = this.#bytes = 0;
    this.#changed();
  }

  #open(): Batch<Item> {
    const last = this.#batches.at(-1);
    if (last?.stage === 'open') return last;
    const batch: Batch<Item> = {
      items: [],
      states: [],
      bytes: 0,
      next: new Map(),
      stage: 'open',
      failing: undefined,
    };
    this.#batches.push(batch);
    this.#timer = setTimeout(() => this.#ripen(), this.#options.maxAgeMs);
    return batch;
  }

  #pump(): void {
    while (this.#delivering < this.#options.inFlight && !this.#stop.signal.aborted) {
      const next = this.#batches.find((batch) => batch.stage === 'sealed');
      if (next === undefined) return;
      next.stage = 'delivering';
      this.#delivering++;
      void this.#run(next);
    }
  }

  async #run(batch: Batch<Item>): Promise<void> {
    try {
      await this.#deliver(batch);
      batch.stage = 'durable';
      if (batch.failing !== undefined) this.#options.onHealed();
      batch.failing = undefined;
      this.#advance();
    } catch {
      // The pipeline was stopped: what is left belongs to the next reader.
    } finally {
      this.#delivering--;
      this.#pump();
      if (this.#ripe) this.#ripen();
      this.#changed();
    }
  }

  async #deliver(batch: Batch<Item>): Promise<void> {
    const { signal } = this.#stop;
    // p-retry calls an attempt that succeeds while its signal aborts a failure; for us it is durable all the same.
    let durable = false;
    const attempt = async () => {
      const current = stillOurs(batch);
      if (current.length < batch.items.length) this.#options.onStale(batch.items.length - current.length);
      this.#trying++;
      try {
        if (current.length > 0) await this.#options.deliver(current);
        durable = true;
      } catch (error) {
        throw PerennialError.from(error);
      } finally {
        this.#trying--;
      }
    };
    try {
      await pRetry(attempt, {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 100,
        maxTimeout: 10_000,
        randomize: true,
        signal,
        onFailedAttempt: ({ error, attemptNumber }) => {
          const failure = error as PerennialError;
          batch.failing = { since: batch.failing?.since ?? this.#options.clock(), error: failure };
          this.#options.onRetry(failure, attemptNumber);
          this.#changed();
        },
      });
    } catch (error) {
      if (!durable) throw error;
    }
  }

  /** Moves partitions on over the batches that are durable, from the oldest. */
  #advance(): void {
    let moved = false;
    while (this.#batches[0]?.stage === 'durable') {
      const batch = this.#batches.shift()!;
      this.#rows -= batch.items.length;
      this.#bytes -= batch.bytes;
      for (const [state, { offset, arrivedAt }] of batch.next) {
        state.durable = offset;
        state.durableAt = arrivedAt;
        state.pendingSince.shift();
      }
      moved = true;
    }
    if (moved) this.#options.onDurable();
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function stillOurs<Item>({ items, states, next }: Batch<Item>): readonly Item[] {
  for (const state of next.keys()) if (state.retired) return items.filter((_, i) => !states[i]!.retired);
  return items;
}
