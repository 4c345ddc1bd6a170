import { type Clock, DAY_MS, type Millis } from '../core/clock.js';
import type { Scoring } from '../scoring/load.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { readDrift } from './observations/read-drift.js';

export interface DriftWatchOptions {
  readonly store: Store;
  readonly scoring: () => Scoring;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'drift' | 'driftLost' | 'driftCheckedAt'>;
  /** Between two checks; 0: never. */
  readonly everyMs: Millis;
}

/** What now is compared with: a quarter ago, long enough for contracts to have ended since. */
export const AGAINST_MS: Millis = 90 * DAY_MS;

/** After the start, when everyone has been scored in all but the largest stores. */
const FIRST_MS: Millis = 600_000;

/** Checks now and then whether scorecards still meet the customers and outcomes that they were made for, and lets metrics say so. */
export class DriftWatch {
  readonly #options: DriftWatchOptions;
  readonly #outage: OutageLog;
  #first: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: DriftWatchOptions) {
    this.#options = options;
    this.#outage = new OutageLog(options.logger, {
      begin: 'The check for drift failed; the next turn tries again',
      end: 'The check for drift goes well again',
    });
  }

  /** Checks soon, so that a process that is replaced every day does it, too, and then again and again. */
  start(): void {
    const { everyMs } = this.#options;
    if (everyMs === 0) return;
    this.#first = setTimeout(() => void this.check(), Math.min(FIRST_MS, everyMs)).unref();
    this.#timer = setInterval(() => void this.check(), everyMs).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#first);
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One check at a time. A failed one is logged, and the next one tries again. */
  check(): Promise<void> {
    this.#running ??= this.#check().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #check(): Promise<void> {
    const { store, scoring, clock, logger, metrics } = this.#options;
    const asOf = clock();
    try {
      const { population, calibration } = await readDrift(store, scoring(), {
        asOf,
        against: asOf - AGAINST_MS,
      });
      metrics.drift.reset();
      metrics.driftLost.reset();
      const shifted: string[] = [];
      for (const { name, stability, verdict } of population) {
        if (verdict === 'not_enough_data') continue;
        metrics.drift.set({ of: name }, stability);
        if (verdict === 'shifted') shifted.push(name);
      }
      if (calibration !== null && calibration.verdict !== 'not_enough_data') {
        metrics.driftLost.set({ label: calibration.label }, calibration.lost / calibration.expected);
        if (calibration.verdict === 'shifted') shifted.push('calibration');
      }
      metrics.driftCheckedAt.set(asOf / 1000);
      this.#outage.recovered();
      if (shifted.length > 0)
        logger.warn({ shifted }, 'scorecards drift: perennial scorecard drift says by how much');
    } catch (thrown) {
      this.#outage.failed(thrown);
    }
  }
}
