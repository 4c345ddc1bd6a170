import { DAY_MS, type Millis } from '../core/clock.js';
import { type Day, workingTime } from './day.js';
import { type Levels, rateFactor, scoreShift } from './latent.js';
import type { AccountLife } from './life.js';
import { MARKETING, SCORES, SEGMENT_MODEL } from './model.js';
import type { Outbox, Producer } from './outbox.js';
import type { Random } from './random.js';

const CAMPAIGNS = { newsletter: 0.45, product_update: 0.3, webinar: 0.15, onboarding: 0.1 };
const ROLES = { user: 0.5, admin: 0.25, finance: 0.15, sponsor: 0.1 };

/** What the mailer and the CRM tell of an account. They know accounts, not subscriptions. */
export class MarketingProducer {
  readonly #random: Random;
  readonly #account: AccountLife;
  readonly #outbox: Outbox;
  /** Surveys go out to every account on a day of its own. */
  readonly #surveyPhase: number;
  readonly #endsAt: Millis;
  #subscribed = true;
  #tellsOfChampion = true;

  constructor(random: Random, account: AccountLife, outbox: Outbox) {
    this.#random = random;
    this.#account = account;
    this.#outbox = outbox;
    this.#surveyPhase = random.int(0, MARKETING.surveyDays - 1);
    this.#endsAt = Math.max(...account.subscriptions.map(({ endsAt }) => endsAt));
  }

  day(day: Day, levels: Levels): void {
    if (this.#tellsOfChampion) {
      this.#tellsOfChampion = false;
      this.#championLosses();
    }
    if (Math.floor(day.start / DAY_MS) % MARKETING.surveyDays === this.#surveyPhase)
      this.#survey(day, levels);
    // Business contact rests at the weekend; yearly rates are spread over the working days.
    if (day.weekday === 0 || day.weekday === 6) return;
    const perDay = (perYear: number) => perYear / 261;
    if (this.#subscribed && this.#random.chance(MARKETING.emailsPerWeek / 5)) this.#email(day, levels);
    if (this.#random.chance(1.4 / SEGMENT_MODEL[this.#account.segment].meetingEveryDays))
      this.#meeting(day, levels);
    if (this.#random.chance(perDay(MARKETING.contactsPerYear))) {
      this.#send('crm', 'contact_changed', this.#at(day), null, {
        role: this.#random.weighted(ROLES),
        change: this.#random.pick(['joined', 'left']),
      });
    }
    if (this.#random.chance(perDay(MARKETING.trainingsPerYear) * rateFactor('trainings', levels))) {
      this.#send('crm', 'training_attended', this.#at(day), this.#random.int(2, 9) * 10, {
        topic: 'product',
      });
    }
    if (
      this.#random.chance(
        perDay(MARKETING.competitorMentionsPerYear) * rateFactor('competitor_mentions', levels),
      )
    ) {
      const confidence = Math.round(this.#random.between(0.5, 0.98) * 100) / 100;
      this.#send('crm', 'competitor_mention', this.#at(day), confidence, {});
    }
    if (this.#random.chance(perDay(MARKETING.pricingPagesPerYear) * rateFactor('pricing_pages', levels))) {
      this.#send('crm', 'pricing_or_cancel_page_viewed', this.#at(day), null, { page: 'pricing' });
    }
  }

  /** The CRM learns of a champion's leaving some days later, or never. */
  #championLosses(): void {
    for (const loss of this.#account.championLosses) {
      const noticedAt = loss.onset + this.#random.between(0, MARKETING.championSeenDays) * DAY_MS;
      const seen = this.#random.chance(MARKETING.championSeen);
      const start = Math.min(...this.#account.subscriptions.map(({ contract }) => contract.start));
      if (!seen || loss.onset < start) continue;
      this.#send('crm', 'contact_changed', noticedAt, null, { role: 'champion', change: 'left' });
      this.#send('crm', 'contact_changed', loss.until, null, { role: 'champion', change: 'joined' });
    }
  }

  #email(day: Day, levels: Levels): void {
    const campaign = this.#random.weighted(CAMPAIGNS);
    const attributes = { campaign, template_id: `${campaign}-${this.#random.int(1, 9)}` };
    const sentAt = this.#at(day);
    this.#send('mailer', 'email_sent', sentAt, null, attributes);
    if (this.#random.chance(MARKETING.bounced)) {
      this.#send('mailer', 'email_bounced', sentAt + 5_000, null, attributes);
      return;
    }
    if (!this.#random.chance(MARKETING.opened * rateFactor('email_opens', levels))) return;
    const openedAt = sentAt + 60_000 + this.#random.exponential(8 * 3_600_000);
    this.#send('mailer', 'email_opened', openedAt, null, attributes);
    if (this.#random.chance(MARKETING.clicked * rateFactor('email_clicks', levels))) {
      this.#send('mailer', 'email_clicked', openedAt + 30_000, null, attributes);
    }
    if (this.#random.chance(MARKETING.unsubscribed)) {
      this.#subscribed = false;
      this.#send('mailer', 'unsubscribed', openedAt + 60_000, null, attributes);
    }
  }

  #survey(day: Day, levels: Levels): void {
    if (!this.#random.chance(MARKETING.surveyAnswered)) return;
    const [mean, deviation] = SCORES.nps;
    const score = mean + scoreShift('nps', levels) + deviation * this.#random.normal();
    this.#send('crm', 'nps_response', this.#at(day), Math.round(Math.min(10, Math.max(0, score))), {
      role: this.#random.weighted(ROLES),
    });
  }

  #meeting(day: Day, levels: Levels): void {
    const kind = this.#random.weighted({ check_in: 0.7, business_review: 0.3 });
    if (this.#random.chance(Math.min(0.8, MARKETING.meetingMissed * rateFactor('meetings_missed', levels)))) {
      this.#send('crm', 'meeting_missed', this.#at(day), null, { kind });
      return;
    }
    const sponsor = this.#random.chance(MARKETING.sponsorPresent * rateFactor('sponsor_present', levels));
    this.#send('crm', 'meeting_held', this.#at(day), null, { kind, sponsor_present: sponsor });
  }

  #at(day: Day): Millis {
    return workingTime(this.#random, this.#account.region, day.start);
  }

  #send(
    producer: Producer,
    type: string,
    at: Millis,
    value: number | null,
    attributes: Record<string, string | number | boolean>,
  ): void {
    this.#outbox.signal({ producer, type, at, subscriptionId: '', value, attributes }, this.#endsAt);
  }
}
