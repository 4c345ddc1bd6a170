import { DAY_MS, type Millis } from '../core/clock.js';
import { type Day, workingTime } from './day.js';
import { levelsAt, rateFactor } from './latent.js';
import { type AccountLife, addMonths, type SubscriptionLife, type Term } from './life.js';
import { BILLING, LEAVING } from './model.js';
import type { Fact, Outbox } from './outbox.js';
import type { Random } from './random.js';
import { isWilling } from './renewal.js';

/** Terms are played out when their renewal is this near: before anything that the renewal itself sets off. */
const APPROACH_DAYS = 160;

/** What a coming renewal sets off: price announcement, quote, and what a customer who has decided to leave shows. */
export class ApproachProducer {
  readonly #random: Random;
  readonly #account: AccountLife;
  readonly #life: SubscriptionLife;
  readonly #outbox: Outbox;
  #next = 0;
  #begun = 0;

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox) {
    this.#random = random;
    this.#account = account;
    this.#life = life;
    this.#outbox = outbox;
  }

  day(day: Day): void {
    const { terms } = this.#life;
    for (
      let term = terms[this.#begun];
      term !== undefined && term.start < day.end;
      term = terms[this.#begun]
    ) {
      this.#begun += 1;
      this.#discount(term);
    }
    for (let term = terms[this.#next]; term !== undefined; term = terms[this.#next]) {
      if (day.end < Math.max(term.start + DAY_MS, term.renewal - APPROACH_DAYS * DAY_MS)) break;
      this.#next += 1;
      this.#price(term);
      this.#quote(term);
      if (isWilling(term.decision) && term.decision.left !== null) this.#leave(term.decision.left.at);
    }
  }

  #discount(term: Term): void {
    if (term.discount === null) return;
    const { pct, months } = term.discount;
    this.#send('billing', 'discount_applied', term.start + 3_600_000, pct, {
      offer_id: `${this.#life.contract.id}-d${pct}`,
      ends_at: new Date(addMonths(term.start, months)).toISOString(),
    });
  }

  #price(term: Term): void {
    const resented = term.episodes.find(({ process, onset }) => process === 'price' && onset >= term.start);
    const announced = this.#random.chance(BILLING.priceAnnounced);
    const usual = term.renewal - this.#random.between(...BILLING.quoteDays) * DAY_MS;
    if (resented === undefined && !(announced && term.upliftPct >= 3)) return;
    const at = resented?.onset ?? usual;
    this.#send(
      'billing',
      'price_change_announced',
      at,
      Math.round(term.arrMinor * (1 + term.upliftPct / 100)),
      {
        currency: this.#account.currency,
        old: term.arrMinor,
        effective_at: new Date(term.renewal).toISOString(),
      },
    );
  }

  /** Quotes go out in the segments where a signature is needed. */
  #quote(term: Term): void {
    const sentAt = term.renewal - this.#random.between(...BILLING.quoteDays) * DAY_MS;
    const viewed = this.#random.uniform();
    const viewedAt = sentAt + this.#random.exponential(5) * DAY_MS;
    if (this.#account.segment === 'smb' || sentAt < term.start) return;
    const quote = {
      quote_id: `${this.#life.contract.id}-q${new Date(term.renewal).toISOString().slice(0, 10)}`,
      currency: this.#account.currency,
      uplift_pct: term.upliftPct,
    };
    const amount = Math.round(term.arrMinor * (1 + term.upliftPct / 100));
    this.#send('billing', 'renewal_quote_sent', sentAt, amount, quote);
    const factor = rateFactor('quote_views', levelsAt(this.#life.episodes, sentAt));
    if (viewed < BILLING.quoteViewed * factor && viewedAt < term.renewal) {
      this.#send('billing', 'renewal_quote_viewed', viewedAt, amount, quote);
    }
  }

  #leave(decidedAt: Millis): void {
    const random = this.#random;
    const soon = () =>
      workingTime(
        random,
        this.#account.region,
        Math.floor(decidedAt / DAY_MS) * DAY_MS + random.int(1, 9) * DAY_MS,
      );
    const disabled = this.#life.states.some(
      ({ at, autoRenew, status }) => at === decidedAt && status === 'active' && !autoRenew,
    );
    if (disabled) this.#send('billing', 'auto_renew_disabled', decidedAt, null, { by: 'customer' });
    if (random.chance(LEAVING.cancelPage)) {
      this.#send('crm', 'pricing_or_cancel_page_viewed', soon(), null, { page: 'cancel' });
    }
    if (random.chance(LEAVING.dataExported)) {
      this.#send('product', 'data_exported', soon(), Math.round(random.lognormal(50_000, 1)), {});
    }
    if (random.chance(LEAVING.cancelQuestion)) {
      this.#send('helpdesk', 'cancel_question', soon(), 0.9, { intent: 'cancel' });
    }
  }

  #send(
    producer: Fact['producer'],
    type: string,
    at: Millis,
    value: number | null,
    attributes: Record<string, string | number>,
  ): void {
    const subscriptionId = this.#life.contract.id;
    this.#outbox.signal({ producer, type, at, subscriptionId, value, attributes }, this.#life.endsAt);
  }
}
