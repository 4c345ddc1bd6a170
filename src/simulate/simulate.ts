import { DAY_MS, type Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Period } from './account.js';
import { ApproachProducer } from './approach.js';
import { BillingProducer } from './billing.js';
import { ContractRecords } from './contract-records.js';
import { type Day, dayAt } from './day.js';
import { levelsAt } from './latent.js';
import { type AccountLife, drawLife, type SubscriptionLife } from './life.js';
import { MarketingProducer } from './marketing.js';
import { DEFAULT_END, PROCESSES } from './model.js';
import { Outbox, type Post, type SimulatedRecord } from './outbox.js';
import { Random } from './random.js';
import { SupportProducer } from './support.js';
import { type Truth, truths } from './truth.js';
import { UsageProducer } from './usage.js';

export interface SimulateOptions {
  /** Whole number from 0. The same seed gives the same business. */
  readonly seed: number;
  /** 1 to 1,000,000. The first accounts of a larger simulation are the accounts of a smaller one, signal by signal. */
  readonly accounts: number;
  /**
   * Index of the first account, from 0. A simulation too large for memory (some 10 kB an account) can be read in slices,
   * which together hold what the whole holds; each is in order of arrival on its own.
   * @default 0
   */
  readonly firstAccount?: number;
  /** Days before `end` that are simulated, 1 to 3,650. */
  readonly days: number;
  /** Midnight UTC at which the simulation ends, in ms. @default 2026-01-01T00:00:00Z */
  readonly end?: Millis;
}

export interface Simulation {
  readonly period: Period;
  /**
   * Everything that arrives, in the order it arrives, generated day by day as it is read: memory grows with the accounts
   * and not with the days. Can be read more than once, and is the same each time.
   */
  records(): Generator<SimulatedRecord>;
  /** What really went on: one entry per subscription and term. */
  truth(): Generator<Truth>;
}

/**
 * Simulates a subscription business. The same options give the same records on every machine.
 * @throws PerennialError `invalid_argument` for options out of range
 */
export function simulate(options: SimulateOptions): Simulation {
  const { seed, accounts, firstAccount = 0, days, end = DEFAULT_END } = options;
  requireWhole('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  requireWhole('accounts', accounts, 1, 1_000_000);
  requireWhole('firstAccount', firstAccount, 0, 1_000_000);
  requireWhole('days', days, 1, 3_650);
  requireWhole('end', end, Date.UTC(2012, 0, 1), Date.UTC(2100, 0, 1));
  if (end % DAY_MS !== 0) {
    throw new PerennialError('invalid_argument', 'The end of a simulation must be midnight UTC.', {
      hint: 'Give a date alone, such as 2026-01-01.',
    });
  }
  const period: Period = { start: end - days * DAY_MS, end, days };
  const indexes = Array.from({ length: accounts }, (_, i) => firstAccount + i);
  return {
    period,
    records: () => records(seed, indexes, period),
    truth: () => truths(seed, indexes, period),
  };
}

function* records(seed: number, indexes: readonly number[], period: Period): Generator<SimulatedRecord> {
  // One bucket per day of arrival. What is late, or known ahead, waits in its bucket.
  const buckets: SimulatedRecord[][] = Array.from({ length: period.days }, () => []);
  const post: Post = (record) => {
    buckets[Math.floor((record.receivedAt - period.start) / DAY_MS)]?.push(record);
  };
  const actors = indexes.map((index) => new AccountActor(seed, index, period, post));
  for (let index = 0; index < period.days; index++) {
    const day = dayAt(period.start + index * DAY_MS);
    for (const actor of actors) actor.day(day);
    const bucket = buckets[index] ?? [];
    buckets[index] = [];
    // Stable: what arrives in the same millisecond stays in the order of its generation, whatever other accounts there are.
    bucket.sort((a, b) => a.receivedAt - b.receivedAt);
    yield* bucket;
  }
}

/** One account, played day by day. */
class AccountActor {
  readonly #life: AccountLife;
  readonly #marketing: MarketingProducer;
  readonly #subscriptions: readonly SubscriptionActor[];
  readonly #levels = new Float64Array(PROCESSES.length);

  constructor(seed: number, index: number, period: Period, post: Post) {
    this.#life = drawLife(seed, index, period);
    const random = new Random(seed, index, 'signals');
    const outbox = new Outbox(seed, this.#life, period, post);
    this.#marketing = new MarketingProducer(random, this.#life, outbox);
    this.#subscriptions = this.#life.subscriptions.map(
      (subscription) => new SubscriptionActor(random, this.#life, subscription, outbox, period),
    );
  }

  day(day: Day): void {
    this.#levels.fill(0);
    let running = false;
    for (const subscription of this.#subscriptions) {
      const levels = subscription.day(day);
      if (levels === null) continue;
      running = true;
      // People write, meet and answer for the account: the strongest of its subscriptions' processes shows.
      for (let i = 0; i < levels.length; i++)
        this.#levels[i] = Math.max(this.#levels[i] ?? 0, levels[i] ?? 0);
    }
    if (running) this.#marketing.day(day, this.#levels);
  }
}

/** One subscription of it. */
class SubscriptionActor {
  readonly #life: SubscriptionLife;
  readonly #records: ContractRecords;
  readonly #usage: UsageProducer;
  readonly #billing: BillingProducer;
  readonly #support: SupportProducer;
  readonly #approach: ApproachProducer;
  readonly #levels = new Float64Array(PROCESSES.length);

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox, period: Period) {
    this.#life = life;
    this.#records = new ContractRecords(random, account, life, outbox, period.start);
    this.#usage = new UsageProducer(random, account, life, outbox);
    this.#billing = new BillingProducer(random, account, life, outbox, period);
    this.#support = new SupportProducer(random, account, life, outbox);
    this.#approach = new ApproachProducer(random, account, life, outbox);
  }

  /** Plays the day and returns how strongly each process is felt; null when the contract has not begun or is over. */
  day(day: Day): Float64Array | null {
    if (day.start < this.#life.contract.start) return null;
    this.#records.day(day, (at) => this.#billing.isPastDue(at));
    if (day.start >= this.#life.endsAt) return null;
    levelsAt(this.#life.episodes, day.start + DAY_MS / 2, this.#levels);
    const state = this.#records.current;
    this.#usage.day(day, this.#levels, state);
    this.#billing.day(day, this.#levels, state);
    this.#support.day(day, this.#levels);
    this.#approach.day(day);
    return this.#levels;
  }
}

function requireWhole(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new PerennialError('invalid_argument', `\`${name}\` must be a whole number from ${low} to ${high}.`);
}
