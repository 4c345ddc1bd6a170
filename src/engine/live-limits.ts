import type { Clock } from '../core/clock.js';
import { DAY_MS } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { Ledger } from '../decisions/shared-limits.js';
import type { RuleSet } from '../rules/rule-set.js';
import { readLedger } from '../store/decision-log.js';
import type { Store } from '../store/store.js';

/**
 * The shared limits of the present, kept in memory by their one writer: read from the store once, and from then on changed by
 * what that writer itself decides. Where a pass failed, what it had decided but not stored is forgotten: they are read anew.
 */
export class LiveLimits {
  readonly #store: Store;
  readonly #clock: Clock;
  #ledger: Promise<Ledger> | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async ledger(rules: RuleSet): Promise<Ledger & { prepare(running: number): void }> {
    this.#ledger ??= this.#read();
    const ledger = await this.#ledger;
    return Object.assign(ledger, { prepare: (running: number) => ledger.setBrake(rules.brake, running) });
  }

  forget(): void {
    this.#ledger = undefined;
  }

  async #read(): Promise<Ledger> {
    const since = this.#clock() - LIMITS.guardrailDays * DAY_MS;
    const reading = readLedger(this.#store, since, null).then((entries) => new Ledger(entries));
    // A store that did not answer is asked again.
    reading.catch(() => this.forget());
    return reading;
  }
}
