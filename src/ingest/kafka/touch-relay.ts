import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import type { ConfirmedProducer } from '../../kafka/confirmed-producer.js';
import type { BrokerState } from '../../kafka/feed/feed-options.js';
import { publishTouched, type Touched } from '../../kafka/touched.js';
import type { Store } from '../../store/store.js';
import { readTouches, writeTouches } from '../../store/touch-outbox.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** So long a caller waits for a broker; then its accounts wait in the store. */
const PATIENCE_MS = 1_000;
const EVERY_MS = 2_000;
const PAGE = 5_000;

export interface TouchRelayOptions {
  readonly store: Store;
  readonly producer: Pick<ConfirmedProducer, 'send'>;
  readonly topic: string;
  readonly brokerState?: BrokerState;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'touchesWaiting'>;
}

/**
 * Has scorers asked to rescore accounts, whether or not a broker answers now: what no broker takes in time is kept in the store, and
 * published as soon as one does. So who sends signals needs no broker. An account may be published twice, never not at all.
 */
export class TouchRelay {
  readonly #options: TouchRelayOptions;
  #timer: NodeJS.Timeout | undefined;
  #relaying: Promise<void> | undefined;
  /** Whether something may wait in the store; at the start, what another process has left. */
  #waiting = true;

  constructor(options: TouchRelayOptions) {
    this.#options = options;
    options.metrics.touchesWaiting.set(0);
  }

  start(): void {
    this.#timer = setInterval(() => void this.relay(), EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#relaying;
  }

  /** Resolves once the accounts are published, or kept in the store. */
  async touched(accounts: readonly Touched[]): Promise<void> {
    if (accounts.length === 0) return;
    const { producer, topic, store, brokerState, metrics } = this.#options;
    if (brokerState?.fault() === undefined) {
      const sent = publishTouched(producer, topic, accounts).then(
        () => true,
        () => false,
      );
      if (await Promise.race([sent, within(PATIENCE_MS)])) return;
    }
    await writeTouches(store, accounts, false);
    this.#waiting = true;
    metrics.touchesWaiting.inc(accounts.length);
  }

  /** Publishes what waits, if a broker answers. Never rejects: what fails is tried again. */
  async relay(): Promise<void> {
    if (!this.#waiting || this.#options.brokerState?.fault() !== undefined) return;
    this.#relaying ??= this.#relayAll().finally(() => {
      this.#relaying = undefined;
    });
    await this.#relaying;
  }

  async #relayAll(): Promise<void> {
    const { producer, topic, store, logger, metrics } = this.#options;
    let published = 0;
    try {
      this.#waiting = false;
      for (;;) {
        const touches = await readTouches(store, PAGE);
        metrics.touchesWaiting.set(touches.length);
        if (touches.length === 0) break;
        await publishTouched(producer, topic, touches);
        await writeTouches(store, touches, true);
        published += touches.length;
      }
      if (published > 0) logger.info({ published }, 'Accounts that had waited for a broker are published');
    } catch (thrown) {
      this.#waiting = true;
      logger.debug({ error: PerennialError.from(thrown) }, 'Touched accounts still wait for a broker');
    }
  }
}

async function within(ms: Millis): Promise<false> {
  await sleep(ms, undefined, { ref: false });
  return false;
}
