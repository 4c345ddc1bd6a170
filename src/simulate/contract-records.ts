import { DAY_MS, type Millis } from '../core/clock.js';
import {
  type Outcome,
  type OutcomeKind,
  type Subscription,
  type SubscriptionStatus,
  UNKNOWN_OUTCOME,
} from '../signals/subscription.js';
import type { Day } from './day.js';
import type { AccountLife, ContractState, SubscriptionLife } from './life.js';
import { LEAVING, SEGMENT_MODEL } from './model.js';
import type { Outbox } from './outbox.js';
import type { Random } from './random.js';
import { isWilling } from './renewal.js';

type Happening = Pick<Outcome, 'kind' | 'occurredAt'> & Partial<Outcome>;

/** What the contract system tells of one subscription: its versions and its outcomes. */
export class ContractRecords {
  readonly #account: AccountLife;
  readonly #life: SubscriptionLife;
  readonly #outbox: Outbox;
  readonly #outcomes: readonly Happening[];
  #state = -1;
  #outcome = 0;
  #status: SubscriptionStatus = 'active';

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox, from: Millis) {
    this.#account = account;
    this.#life = life;
    this.#outbox = outbox;
    this.#outcomes = outcomesOf(random, life)
      .filter(({ occurredAt }) => occurredAt >= from)
      .sort((a, b) => a.occurredAt - b.occurredAt);
  }

  /** The contract as it stands at the end of the last reported day. */
  get current(): ContractState {
    const state = this.#life.states[Math.max(0, this.#state)];
    if (state === undefined) throw new RangeError('A subscription has at least one state.');
    return state;
  }

  day(day: Day, pastDue: (at: Millis) => boolean): void {
    for (let next = this.#life.states[this.#state + 1]; next !== undefined && next.at < day.end; ) {
      this.#state += 1;
      this.#tell(next.at, next.status === 'ended' ? 'ended' : pastDue(next.at) ? 'past_due' : 'active');
      next = this.#life.states[this.#state + 1];
    }
    // Payment status is looked at once a day, at its end.
    const status = pastDue(day.end - 1) ? 'past_due' : 'active';
    if (this.current.status === 'active' && status !== this.#status) this.#tell(day.end - 1, status);
    for (let next = this.#outcomes[this.#outcome]; next !== undefined && next.occurredAt < day.end; ) {
      this.#outcome += 1;
      this.#happened(next);
      next = this.#outcomes[this.#outcome];
    }
  }

  #tell(at: Millis, status: SubscriptionStatus): void {
    this.#status = status;
    const { contract } = this.#life;
    const { seats, arrMinor, renewal, autoRenew } = this.current;
    const subscription: Subscription = {
      accountId: this.#account.id,
      subscriptionId: contract.id,
      occurredAt: at,
      status,
      product: contract.product,
      plan: contract.plan,
      tier: contract.tier,
      segment: this.#account.segment,
      region: this.#account.region,
      addOns: contract.addOns,
      seats,
      arrMinor,
      currency: this.#account.currency,
      start: contract.start,
      end: status === 'ended' ? renewal : null,
      renewal,
      termMonths: contract.termMonths,
      autoRenew,
      noticeDays: SEGMENT_MODEL[this.#account.segment].noticeDays,
      owner: this.#account.owner,
      planFeatures: contract.planFeatures,
    };
    this.#outbox.subscription(subscription);
  }

  #happened(happening: Happening): void {
    const { contract } = this.#life;
    this.#outbox.outcome({
      source: 'contracts',
      id: `${contract.id}-${happening.kind}-${new Date(happening.occurredAt).toISOString().slice(0, 10)}`,
      accountId: this.#account.id,
      subscriptionId: contract.id,
      ...UNKNOWN_OUTCOME,
      currency: this.#account.currency,
      ...happening,
    });
  }
}

function outcomesOf(random: Random, life: SubscriptionLife): Happening[] {
  const outcomes: Happening[] = [];
  const intent = (kind: OutcomeKind, occurredAt: Millis) => outcomes.push({ kind, occurredAt });
  for (const { at, arrBeforeMinor, arrAfterMinor } of life.expansions) {
    outcomes.push({ kind: 'expanded', occurredAt: at, arrBeforeMinor, arrAfterMinor, reason: 'seats' });
  }
  for (const { decision, outcome, start, renewal, arrMinor, arrAfterMinor } of life.terms) {
    const { left, wavered } = decision;
    const says = random.chance(LEAVING.cancelIntent);
    const sentence = random.between(0.1, 3) * DAY_MS;
    if (says && left !== null && isWilling(decision)) {
      intent('cancel_intent', Math.min(Math.floor(left.at + sentence), renewal - 1));
    }
    if (says && wavered !== null && wavered.withdrawnAt < renewal) {
      intent('cancel_intent', wavered.at);
      intent('cancel_intent_withdrawn', wavered.withdrawnAt);
    }
    outcomes.push({
      // At whatever value: a term that went on was renewed.
      kind: outcome === 'churned' ? 'churned' : 'renewed',
      occurredAt: renewal,
      termStart: start,
      termEnd: renewal,
      arrBeforeMinor: arrMinor,
      arrAfterMinor,
      ...(left === null ? {} : { reason: left.because === 'baseline' ? 'other' : left.because }),
      ...(outcome === 'churned' ? { voluntary: isWilling(decision) } : {}),
    });
  }
  return outcomes;
}
