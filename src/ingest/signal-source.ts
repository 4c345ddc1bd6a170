import type { Millis } from '../core/clock.js';
import type { Parsed } from '../signals/parsed.js';
import type { Origin } from '../signals/signal.js';

/** One message as read: what it became, where it came from, when it arrived. */
export interface Delivery {
  readonly record: Parsed;
  readonly origin: Origin;
  /** When it arrived: the broker's time for Kafka, so that a redelivery carries the same; else the time of reading. */
  readonly receivedAt: Millis;
  /** When it truly arrived, where it counts as received earlier: of two records with one identity the later arrival holds. @default receivedAt */
  readonly arrivedAt?: Millis;
  /** The load that brings it. @default none */
  readonly load?: string;
  /** The row of a table that it was made of. @default it was not made of one */
  readonly row?: { readonly raw: Uint8Array; readonly isLast?: boolean | undefined };
}

/**
 * Where messages come from: a file, a gRPC stream, Kafka. The one port that ingestion knows.
 *
 * A source hands over batches, and `deliver` resolves once every row of the batch is durable. Only then may the source
 * acknowledge (commit offsets, answer a call); when `deliver` rejects, it must not, and may deliver the same again:
 * rows are idempotent. A source has at most a bounded number of deliveries in progress, which is the backpressure.
 */
export interface SignalSource {
  /** For logs and metrics, such as "file:usage.ndjson". */
  readonly name: string;
  /** Runs until the source is drained or `signal` aborts; then finishes what is in progress and resolves. */
  run(deliver: (batch: readonly Delivery[]) => Promise<void>, signal: AbortSignal): Promise<void>;
}
