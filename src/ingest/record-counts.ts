import { REJECTION_REASONS } from '../signals/signal.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Written } from './batch-writer.js';
import type { Delivery } from './signal-source.js';
import { Tally } from './tally.js';

const EVERY_MS = 60_000;

/** Counts what became of records that arrive all the time: in a metric at once, and in the log once a minute, when any came. */
export class RecordCounts {
  readonly #metrics: Pick<Metrics, 'records' | 'messages' | 'rejections'>;
  readonly #log: Pick<Logger, 'info'>;
  #tally = new Tally();
  #timer: NodeJS.Timeout | undefined;

  constructor(metrics: Pick<Metrics, 'records' | 'messages' | 'rejections'>, log: Pick<Logger, 'info'>) {
    this.#metrics = metrics;
    this.#log = log;
    // From the beginning: an alarm sees no growth in the number that a series begins with.
    for (const reason of REJECTION_REASONS) metrics.rejections.inc({ reason }, 0);
  }

  add(written: Written): void {
    for (const kind of ['signals', 'subscriptions', 'outcomes'] as const) {
      for (const [fate, count] of Object.entries(written[kind]))
        if (count > 0) this.#metrics.records.inc({ kind, fate }, count);
    }
    this.#tally.add(written);
    this.#timer ??= setTimeout(() => this.flush(), EVERY_MS).unref();
  }

  /** Counts messages by what they became, once they are durable. Those of Kafka are counted by its source. */
  messages(batch: readonly Delivery[]): void {
    for (const { record } of batch) {
      this.#metrics.messages.inc({ kind: record.kind });
      if (record.kind === 'rejection') this.#metrics.rejections.inc({ reason: record.rejection.reason });
    }
  }

  /** Logs what has come since the last time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { rejections: rejected, retractions, erased } = this.#tally;
    const counts = { ...this.#tally.fates(), rejected, retractions, erased };
    this.#tally = new Tally();
    if (Object.values(counts).some((count) => count > 0)) this.#log.info(counts, 'Records were stored');
  }
}
