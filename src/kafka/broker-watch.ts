import type { Admin, Kafka } from 'kafkajs';
import type { Clock, Millis } from '../core/clock.js';
import { kafkaError } from './kafka-error.js';

const EVERY_MS = 1_000;
/** An answer that takes longer counts as none. */
const SILENT_MS = 3_000;

/**
 * Whether a broker answers, asked all the time, as the store is: a consumer notices a broker that hangs only when a request of its
 * own runs out of time. One failure may be a connection that was cut; two in a row are a fault. What counts is that any broker of
 * the cluster answers; one that leads a partition and hangs shows in the consumer's own checks.
 */
export class BrokerWatch {
  readonly #kafka: Kafka;
  readonly #clock: Clock;
  #admin: Admin | undefined;
  #timer: NodeJS.Timeout | undefined;
  #askedAt: Millis | undefined;
  #failures = 0;
  #fault = '';
  #answering: Millis | undefined;

  /** `kafka` should give a request up after some seconds (`watchingKafka`), or a broker that hung is asked again late. */
  constructor(kafka: Kafka, clock: Clock) {
    this.#kafka = kafka;
    this.#clock = clock;
  }

  start(): void {
    void this.ask();
    this.#timer = setInterval(() => void this.ask(), EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#admin?.disconnect().catch(() => undefined);
  }

  /** One question, unless the one before is still waiting for its answer. */
  async ask(): Promise<void> {
    if (this.#askedAt !== undefined) return;
    this.#askedAt = this.#clock();
    try {
      this.#admin ??= await this.#connect();
      await this.#admin.describeCluster();
      this.#failures = 0;
      this.#answering ??= this.#clock();
    } catch (thrown) {
      this.#failures++;
      this.#fault = kafkaError(thrown).message;
      const admin = this.#admin;
      this.#admin = undefined;
      await admin?.disconnect().catch(() => undefined);
    } finally {
      this.#askedAt = undefined;
      if (this.#failures > 0) this.#answering = undefined;
    }
  }

  /** Why there is no broker; undefined while one answers. */
  fault(): string | undefined {
    if (this.#failures >= 2) return this.#fault;
    const waited = this.#askedAt === undefined ? 0 : this.#clock() - this.#askedAt;
    return waited > SILENT_MS ? `Kafka has not answered for ${Math.round(waited / 1000)} s.` : undefined;
  }

  /** For how long a broker has answered without a fault; 0 while none does. */
  get answeringMs(): Millis {
    if (this.#answering === undefined || this.fault() !== undefined) return 0;
    return this.#clock() - this.#answering;
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin({ retry: { retries: 0 } });
    await admin.connect();
    return admin;
  }
}
