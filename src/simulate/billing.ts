import { DAY_MS, type Millis } from '../core/clock.js';
import type { Period } from './account.js';
import { type CardExpiry, drawCardExpiries, isExpired } from './card.js';
import type { Day } from './day.js';
import { type Levels, levelsAt, rateFactor } from './latent.js';
import { type AccountLife, addMonths, type ContractState, type SubscriptionLife } from './life.js';
import { BILLING } from './model.js';
import type { Outbox } from './outbox.js';
import type { Random } from './random.js';
import { isWilling } from './renewal.js';

interface Invoice {
  readonly id: string;
  readonly amount: number;
  readonly issuedAt: Millis;
  readonly dueAt: Millis;
}

/** What the billing system tells of one subscription's invoices and payments. An invoice's whole course is drawn at its issue. */
export class BillingProducer {
  readonly #random: Random;
  readonly #account: AccountLife;
  readonly #life: SubscriptionLife;
  readonly #outbox: Outbox;
  readonly #card: readonly CardExpiry[];
  readonly #leadDays: number;
  /** Times in which an invoice is well past due; the subscription's status follows from them. */
  #pastDue: { from: Millis; to: Millis }[] = [];
  #next: { number: number; issuedAt: Millis };
  #started = false;

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox, period: Period) {
    this.#random = random;
    this.#account = account;
    this.#life = life;
    this.#outbox = outbox;
    const { contract } = life;
    const from = Math.max(contract.start, period.start);
    this.#card = contract.paysByCard ? drawCardExpiries(random, from, period.end) : [];
    this.#leadDays = contract.billingMonths >= 12 ? BILLING.yearlyLeadDays : 0;
    this.#next = { number: 0, issuedAt: contract.start };
    while (this.#next.issuedAt < period.start) this.#next = this.#after(this.#next.number);
  }

  day(day: Day, levels: Levels, state: ContractState): void {
    if (!this.#started) {
      this.#started = true;
      this.#cardNotices();
    }
    while (this.#next.issuedAt < day.end) {
      const { number, issuedAt } = this.#next;
      this.#next = this.#after(number);
      if (this.#isWanted(number, issuedAt)) this.#invoice(number, issuedAt, state);
    }
    const amount = Math.round((state.arrMinor / 12) * 0.25);
    if (this.#random.chance((BILLING.refundsPerYear / 365) * rateFactor('tickets', levels))) {
      this.#send('refund_or_credit', day.start + 15 * 3_600_000, amount, {
        reason: 'goodwill',
        currency: this.#account.currency,
      });
    }
    if (this.#random.chance((BILLING.disputesPerYear / 365) * rateFactor('payment_delay', levels))) {
      this.#send('dispute_opened', day.start + 16 * 3_600_000, amount, {
        currency: this.#account.currency,
      });
    }
    if (this.#pastDue.length > 0) this.#pastDue = this.#pastDue.filter(({ to }) => to > day.start);
  }

  isPastDue(at: Millis): boolean {
    return this.#pastDue.some(({ from, to }) => at >= from && at < to);
  }

  #after(number: number): { number: number; issuedAt: Millis } {
    const { start, billingMonths } = this.#life.contract;
    const periodStart = addMonths(start, (number + 1) * billingMonths);
    return { number: number + 1, issuedAt: periodStart - this.#leadDays * DAY_MS };
  }

  /** Nobody bills a customer for a time after the end that was agreed. Who just stops paying is billed. */
  #isWanted(number: number, issuedAt: Millis): boolean {
    const { start, billingMonths } = this.#life.contract;
    const periodStart = addMonths(start, number * billingMonths);
    const last = this.#life.terms.at(-1);
    if (last === undefined || last.outcome !== 'churned' || periodStart < last.renewal) return true;
    if (periodStart > last.renewal) return false;
    return !(isWilling(last.decision) && (last.decision.left?.at ?? 0) < issuedAt);
  }

  #invoice(number: number, issuedAt: Millis, state: ContractState): void {
    const { contract } = this.#life;
    const term = this.#life.terms.find(({ start, renewal }) => issuedAt >= start && issuedAt < renewal);
    const discountEnds = term?.discount ? addMonths(term.start, term.discount.months) : 0;
    const discount = term?.discount && issuedAt < discountEnds ? term.discount.pct / 100 : 0;
    const dueDays = contract.paysByCard ? (this.#leadDays > 0 ? 10 : 0) : BILLING.transferDueDays;
    const invoice: Invoice = {
      id: `${contract.id}-i${number + 1}`,
      amount: Math.round(((state.arrMinor * contract.billingMonths) / 12) * (1 - discount)),
      issuedAt: issuedAt + 2 * 3_600_000,
      dueAt: issuedAt + dueDays * DAY_MS + 12 * 3_600_000,
    };
    this.#send('invoice_issued', invoice.issuedAt, invoice.amount, this.#details(invoice));
    const paidAt = contract.paysByCard ? this.#charge(invoice) : this.#transfer(invoice);
    for (const days of BILLING.overdueDays) {
      const at = invoice.dueAt + days * DAY_MS;
      if (at >= paidAt) break;
      this.#send('invoice_overdue', at, invoice.amount, { ...this.#details(invoice), days_past_due: days });
    }
    this.#send('invoice_paid', paidAt, invoice.amount, {
      ...this.#details(invoice),
      paid_at: new Date(paidAt).toISOString(),
    });
    const from = invoice.dueAt + BILLING.pastDueAfter * DAY_MS;
    if (paidAt > from) this.#pastDue.push({ from, to: paidAt });
  }

  /** Returns when a bank transfer arrives. */
  #transfer(invoice: Invoice): Millis {
    const levels = levelsAt(this.#life.episodes, invoice.dueAt);
    const [median, sigma] = BILLING.transferDays;
    const days = this.#random.lognormal(median * rateFactor('payment_delay', levels), sigma);
    return Math.floor(invoice.issuedAt + days * DAY_MS);
  }

  /** Charges the card, and again when it is refused. Returns when the invoice is paid in the end, by card or otherwise. */
  #charge(invoice: Invoice): Millis {
    const first = invoice.dueAt - 60 * 60_000;
    const attempts = [0, ...BILLING.retryDays].map((days) => first + days * DAY_MS);
    let failures = 0;
    for (const at of attempts) {
      const levels = levelsAt(this.#life.episodes, at);
      const factor = rateFactor('payment_failures', levels);
      const expired = isExpired(this.#card, at);
      const refused = expired ? BILLING.expiredFailure : Math.min(0.97, BILLING.cardFailure * factor);
      const refusedAgain = Math.max(refused, 1 - BILLING.retryWorks / factor);
      if (!this.#random.chance(failures === 0 ? refused : refusedAgain)) {
        if (failures > 0) this.#recovered(at, first, invoice);
        return at;
      }
      failures += 1;
      this.#refused(at, failures, attempts[failures] ?? null, expired, invoice);
    }
    const levels = levelsAt(this.#life.episodes, invoice.dueAt + 30 * DAY_MS);
    const days = 22 + this.#random.exponential(8) * rateFactor('payment_delay', levels);
    const paidAt = Math.floor(first + days * DAY_MS);
    this.#recovered(paidAt, first, invoice);
    return paidAt;
  }

  #refused(at: Millis, attempt: number, next: Millis | null, expired: boolean, invoice: Invoice): void {
    const reason = expired ? 'expired_card' : this.#random.pick(['insufficient_funds', 'do_not_honor']);
    this.#send('payment_failed', at, attempt, {
      invoice_id: invoice.id,
      decline_class: expired ? 'hard' : 'soft',
      reason,
      ...(next === null ? {} : { next_retry_at: new Date(next).toISOString() }),
    });
    if (attempt < 2) return;
    const stage = attempt < 4 ? 'reminder' : attempt === 4 ? 'final_notice' : 'suspension_warning';
    this.#send('dunning_stage_changed', at + 60_000, attempt, { invoice_id: invoice.id, stage });
  }

  #recovered(at: Millis, first: Millis, invoice: Invoice): void {
    const days = Math.round((at - first) / DAY_MS);
    this.#send('payment_recovered', at - 1_000, days, { invoice_id: invoice.id });
  }

  #cardNotices(): void {
    for (const { expiresAt, updatedAt, warnedAt } of this.#card) {
      for (const at of warnedAt) {
        this.#send('payment_method_expiring', at, null, {
          expires_on: new Date(expiresAt).toISOString().slice(0, 10),
        });
      }
      this.#send('payment_method_updated', updatedAt, null);
    }
  }

  #details(invoice: Invoice): Record<string, string> {
    return {
      invoice_id: invoice.id,
      currency: this.#account.currency,
      due_date: new Date(invoice.dueAt).toISOString(),
    };
  }

  #send(
    type: string,
    at: Millis,
    value: number | null,
    attributes: Record<string, string | number> = {},
  ): void {
    const subscriptionId = this.#life.contract.id;
    this.#outbox.signal(
      { producer: 'billing', type, at, subscriptionId, value, attributes },
      this.#life.endsAt,
    );
  }
}
