import { DAY_MS } from '../core/clock.js';
import type { Day } from './day.js';
import { workingTime } from './day.js';
import { type Levels, rateFactor } from './latent.js';
import type { AccountLife, ContractState, SubscriptionLife } from './life.js';
import {
  FEATURE_USE,
  LEVEL_SIGMA,
  MILESTONES,
  ONBOARDING,
  RAMP_UP_DAYS,
  SEAT_USE,
  SEGMENT_MODEL,
  USAGE_RATES,
  WANDER,
} from './model.js';
import type { Outbox } from './outbox.js';
import { exp } from './portable-math.js';
import type { Random } from './random.js';

const FRESH_NOISE = WANDER.sigma * Math.sqrt(1 - WANDER.correlation * WANDER.correlation);
const CLIENTS = { web: 0.7, desktop: 0.15, mobile: 0.15 };
const ACTIONS = { project_created: 0.3, report_shared: 0.4, approval_given: 0.2, automation_run: 0.1 };

/** What the product's telemetry tells of one subscription. */
export class UsageProducer {
  readonly #random: Random;
  readonly #account: AccountLife;
  readonly #life: SubscriptionLife;
  readonly #outbox: Outbox;
  /** The customer's own level of use, 1 being the segment's. */
  readonly #level: number;
  readonly #seatUse: number;
  readonly #featureUse: number;
  #wander = 0;
  #started = false;

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox) {
    this.#random = random;
    this.#account = account;
    this.#life = life;
    this.#outbox = outbox;
    this.#level = random.lognormal(1, LEVEL_SIGMA);
    this.#seatUse = clamp(SEAT_USE[0] + SEAT_USE[1] * random.normal(), 0.2, 1);
    this.#featureUse = clamp(FEATURE_USE[0] + FEATURE_USE[1] * random.normal(), 0.15, 1);
  }

  day(day: Day, levels: Levels, state: ContractState): void {
    if (!this.#started) {
      this.#started = true;
      this.#begin();
    }
    const model = SEGMENT_MODEL[this.#account.segment];
    const age = (day.start - this.#life.contract.start) / DAY_MS;
    const rampedUp = age > 8 * RAMP_UP_DAYS ? 1 : 1 - exp(-(age + 2) / RAMP_UP_DAYS);
    this.#wander = WANDER.correlation * this.#wander + FRESH_NOISE * this.#random.normal();
    const volume = day.season * this.#level * rampedUp * exp(this.#wander);

    this.#times(model.coreActions * volume * rateFactor('core_actions', levels), () =>
      this.#coreAction(day, state),
    );
    this.#times(model.sessions * volume * rateFactor('sessions', levels), () => this.#session(day, state));
    const depth = rateFactor('core_actions', levels);
    const breadth = this.#featureUse * rateFactor('breadth', levels) * rampedUp;
    this.#times(model.featureUses * volume * depth, () => this.#feature(day, state, breadth, depth));
    this.#times(USAGE_RATES.error_experienced * day.season * rateFactor('errors', levels), () =>
      this.#send('error_experienced', day, null, {
        code: this.#random.pick(['E_TIMEOUT', 'E_SYNC', 'E_RENDER']),
        severity: this.#random.weighted({ low: 0.5, normal: 0.35, high: 0.15 }),
      }),
    );
    this.#times(USAGE_RATES.data_exported * day.season * rateFactor('data_exports', levels), () =>
      this.#send('data_exported', day, Math.round(this.#random.lognormal(2_000, 1))),
    );
    this.#times(USAGE_RATES.integration_changed * day.season * rampedUp, () =>
      this.#send('integration_changed', day, null, {
        name: this.#random.pick(['calendar', 'chat', 'crm', 'storage', 'sso']),
        state:
          rateFactor('core_actions', levels) < 0.6 && this.#random.chance(0.6) ? 'disconnected' : 'connected',
      }),
    );
    this.#times(USAGE_RATES.admin_changed * day.season, () =>
      this.#send('admin_changed', day, null, {
        role: this.#random.pick(['admin', 'billing_admin']),
        action: this.#random.pick(['added', 'removed']),
      }),
    );
    if (day.weekday === 1) this.#activeUsers(day, levels, state, rampedUp);
    if (day.dayOfMonth === 1) this.#meter(day, levels, state, rampedUp);
  }

  /** Onboarding and milestones follow from the start of the contract; those of the recent past come as history. */
  #begin(): void {
    const { start } = this.#life.contract;
    let at = start;
    for (let step = 1; step <= ONBOARDING.steps; step++) {
      at += this.#random.exponential(ONBOARDING.meanDays) * DAY_MS;
      const status = this.#random.chance(ONBOARDING.skipped) ? 'skipped' : 'done';
      this.#sendAt('onboarding_step', at, null, {
        step: `step_${step}`,
        status,
        steps_total: ONBOARDING.steps,
      });
    }
    for (const milestone of MILESTONES) {
      const reached = start + this.#random.exponential(milestone.meanDays) * DAY_MS;
      if (!this.#random.chance(milestone.share)) continue;
      this.#sendAt('milestone_reached', reached, null, {
        key: milestone.key,
        first_value: milestone.firstValue,
      });
    }
  }

  #coreAction(day: Day, state: ContractState): void {
    this.#send('core_action_completed', day, 1, {
      action_key: this.#random.weighted(ACTIONS),
      user_ref: this.#user(state),
    });
  }

  #session(day: Day, state: ContractState): void {
    this.#send('session_started', day, Math.round(this.#random.lognormal(900, 0.8)), {
      user_ref: this.#user(state),
      client: this.#random.weighted(CLIENTS),
    });
  }

  /** The first features of the plan are the best known; how far down the list a customer goes is its breadth. */
  #feature(day: Day, state: ContractState, breadth: number, depth: number): void {
    const used = clamp(
      Math.round(this.#life.contract.planFeatures * breadth),
      1,
      this.#life.contract.planFeatures,
    );
    const which = Math.floor(used * this.#random.uniform());
    this.#send('feature_used', day, 1 + this.#random.poisson(4 * depth), {
      feature_key: `feature_${which + 1}`,
      user_ref: this.#user(state),
    });
  }

  #activeUsers(day: Day, levels: Levels, state: ContractState, rampedUp: number): void {
    const share =
      this.#seatUse * rampedUp * rateFactor('active_users', levels) * Math.min(1, day.yearSeason + 0.1);
    const active = clamp(
      Math.round(state.seats * share * (1 + 0.06 * this.#random.normal())),
      0,
      state.seats,
    );
    this.#send('active_users_reported', day, active, { seats_purchased: state.seats });
  }

  /** Once a month the use of the metered resource, against a quota of 100 per seat. */
  #meter(day: Day, levels: Levels, state: ContractState, rampedUp: number): void {
    const quota = state.seats * 100;
    const share =
      0.6 * this.#level * rampedUp * rateFactor('core_actions', levels) * this.#random.lognormal(1, 0.15);
    const quantity = Math.round(quota * Math.min(1.2, share));
    const periodEnd = new Date(day.start).toISOString();
    this.#send('meter_reported', day, quantity, { meter: 'automation_runs', quota, period_end: periodEnd });
    const pct = Math.floor((100 * quantity) / quota);
    if (pct >= 80)
      this.#send('quota_threshold_crossed', day, pct >= 100 ? 100 : 80, { meter: 'automation_runs' });
  }

  /** A few people do most of the work: the first tenth of the users nearly half of it. */
  #user(state: ContractState): string {
    const users = Math.max(1, Math.round(state.seats * this.#seatUse));
    const u = this.#random.uniform();
    return `user-${1 + Math.floor(users * u * u * u)}`;
  }

  #times(mean: number, send: () => void): void {
    for (let left = this.#random.poisson(mean); left > 0; left--) send();
  }

  #send(
    type: string,
    day: Day,
    value: number | null,
    attributes: Record<string, string | number | boolean> = {},
  ): void {
    this.#sendAt(type, workingTime(this.#random, this.#account.region, day.start), value, attributes);
  }

  #sendAt(
    type: string,
    at: number,
    value: number | null,
    attributes: Record<string, string | number | boolean>,
  ): void {
    const subscriptionId = this.#life.contract.id;
    this.#outbox.signal(
      { producer: 'product', type, at, subscriptionId, value, attributes },
      this.#life.endsAt,
    );
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
