import { LIMITS } from '../core/limits.js';
import type { DeliveryFate, Written } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';

/** How long what has come waits for more, so that many small requests become few inserts. */
const GATHER_MS = 20;
/** Inserts running at once: the next gathers meanwhile, however long that is. */
const INSERTS = 2;

/** Writes a batch and resolves once it is durable. */
export type WriteBatch = (batch: readonly Delivery[]) => Promise<Pick<Written, 'fates'>>;

interface Batch {
  readonly deliveries: Delivery[];
  bytes: number;
  readonly durable: Promise<readonly DeliveryFate[]>;
  stored(fates: readonly DeliveryFate[]): void;
  failed(failure: unknown): void;
}

/**
 * Writes what calls and streams bring, together: everyone waits for the insert that holds its records and for no other. The caller
 * bounds how much waits.
 */
export class Intake {
  readonly #write: WriteBatch;
  readonly #gatherMs: number;
  #gathering: Batch | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What gathers has waited for its time, and goes with the next insert. */
  #due = false;
  readonly #ready: Batch[] = [];
  #inserts = 0;

  constructor(write: WriteBatch, gatherMs: number = GATHER_MS) {
    this.#write = write;
    this.#gatherMs = gatherMs;
  }

  /** Resolves once the records are durable, to what became of each; rejects with what the insert failed with. */
  async add(deliveries: readonly Delivery[], bytes: number): Promise<readonly DeliveryFate[]> {
    if (deliveries.length === 0) return [];
    const full = this.#gathering;
    if (
      full !== undefined &&
      (full.deliveries.length + deliveries.length > LIMITS.batchRows ||
        full.bytes + bytes > LIMITS.batchBytes)
    )
      this.#close();
    this.#gathering ??= this.#open();
    const batch = this.#gathering;
    const from = batch.deliveries.length;
    for (const delivery of deliveries) batch.deliveries.push(delivery);
    batch.bytes += bytes;
    const fates = await batch.durable;
    return fates.slice(from, from + deliveries.length);
  }

  #open(): Batch {
    let [stored, failed]: [Batch['stored'], Batch['failed']] = [() => {}, () => {}];
    const durable = new Promise<readonly DeliveryFate[]>((resolve, reject) => {
      [stored, failed] = [resolve, reject];
    });
    // Those who wait see the failure; one whose caller has gone is waited for by nobody.
    durable.catch(() => {});
    this.#timer = setTimeout(() => {
      this.#due = true;
      this.#next();
    }, this.#gatherMs);
    return { deliveries: [], bytes: 0, durable, stored, failed };
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#due = false;
    if (this.#gathering !== undefined) this.#ready.push(this.#gathering);
    this.#gathering = undefined;
    this.#next();
  }

  /** What gathers, if it has waited for its time. */
  #gathered(): Batch | undefined {
    if (!this.#due) return undefined;
    this.#due = false;
    const batch = this.#gathering;
    this.#gathering = undefined;
    return batch;
  }

  #next(): void {
    while (this.#inserts < INSERTS) {
      const batch = this.#ready.shift() ?? this.#gathered();
      if (batch === undefined) return;
      this.#inserts++;
      this.#write(batch.deliveries)
        .then(({ fates }) => batch.stored(fates), batch.failed)
        .finally(() => {
          this.#inserts--;
          this.#next();
        });
    }
  }
}
