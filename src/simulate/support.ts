import { DAY_MS, type Millis } from '../core/clock.js';
import { type Day, workingTime } from './day.js';
import { type Levels, rateFactor, scoreShift } from './latent.js';
import type { AccountLife, SubscriptionLife } from './life.js';
import { SCORES, SEGMENT_MODEL, SUPPORT } from './model.js';
import type { Outbox } from './outbox.js';
import type { Random } from './random.js';

type Severity = keyof typeof SUPPORT.severities;
const HOUR_MS = DAY_MS / 24;

/** What the helpdesk tells of one subscription. A ticket's whole course is drawn when it opens. */
export class SupportProducer {
  readonly #random: Random;
  readonly #account: AccountLife;
  readonly #life: SubscriptionLife;
  readonly #outbox: Outbox;
  #tickets = 0;

  constructor(random: Random, account: AccountLife, life: SubscriptionLife, outbox: Outbox) {
    this.#random = random;
    this.#account = account;
    this.#life = life;
    this.#outbox = outbox;
  }

  day(day: Day, levels: Levels): void {
    const { tickets } = SEGMENT_MODEL[this.#account.segment];
    const opened = this.#random.poisson((tickets / 30) * day.season * rateFactor('tickets', levels));
    for (let i = 0; i < opened; i++) this.#ticket(day, levels);
    const asks = (SUPPORT.cancelQuestionsPerYear / 365) * rateFactor('cancel_questions', levels);
    if (this.#random.chance(asks)) {
      const at = workingTime(this.#random, this.#account.region, day.start);
      this.#send('cancel_question', at, round(this.#random.between(0.4, 0.9)), { intent: 'terms' });
    }
  }

  #ticket(day: Day, levels: Levels): void {
    this.#tickets += 1;
    const openedAt = workingTime(this.#random, this.#account.region, day.start);
    const severity = this.#severity(levels);
    const topic = this.#random.weighted(SUPPORT.topics);
    const ticketId = `${this.#life.contract.id}-t${this.#tickets}`;
    const slaDue = openedAt + SUPPORT.slaHours[severity] * HOUR_MS;
    const ticket = { ticket_id: ticketId, severity, topic, sla_due: new Date(slaDue).toISOString() };
    this.#send('ticket_opened', openedAt, null, ticket);
    this.#sentiment(openedAt, levels, ticketId);

    const solvedAt = openedAt + this.#hoursToSolve(severity, levels) * HOUR_MS;
    if (solvedAt - openedAt > 12 * HOUR_MS) {
      const updatedAt = openedAt + this.#random.uniform() * (solvedAt - openedAt);
      this.#send('ticket_updated', updatedAt, null, ticket);
      if (this.#random.chance(0.4)) this.#sentiment(updatedAt, levels, ticketId);
    }
    if (solvedAt > slaDue) {
      const noticedAt = Math.min(solvedAt, slaDue + DAY_MS);
      this.#send('sla_breached', noticedAt, round((noticedAt - slaDue) / HOUR_MS), { ticket_id: ticketId });
      const escalates = severity === 'urgent' || severity === 'high' ? 0.5 : 0.1;
      if (this.#random.chance(escalates)) {
        this.#send('escalated', noticedAt, 2, { ticket_id: ticketId, to_team: 'tier_2' });
      }
    }
    this.#send('ticket_solved', solvedAt, null, ticket);
    if (this.#random.chance(SUPPORT.reopened * rateFactor('reopenings', levels))) {
      const reopenedAt = solvedAt + this.#random.between(2, 72) * HOUR_MS;
      const solvedAgainAt = reopenedAt + this.#hoursToSolve(severity, levels) * HOUR_MS;
      this.#send('ticket_reopened', reopenedAt, null, ticket);
      this.#sentiment(reopenedAt, levels, ticketId);
      this.#send('ticket_solved', solvedAgainAt, null, ticket);
    }
    if (this.#random.chance(SUPPORT.csatAnswered)) {
      const [mean, deviation] = SCORES.csat;
      const score = mean + scoreShift('csat', levels) + deviation * this.#random.normal();
      const at = solvedAt + this.#random.between(0.2, 30) * HOUR_MS;
      this.#send('csat_response', at, Math.round(Math.min(5, Math.max(1, score))), { ticket_id: ticketId });
    }
  }

  #severity(levels: Levels): Severity {
    const { low, normal, high, urgent } = SUPPORT.severities;
    const more = rateFactor('severe_tickets', levels);
    return this.#random.weighted({ low, normal, high: high * more, urgent: urgent * more });
  }

  #hoursToSolve(severity: Severity, levels: Levels): number {
    const median = SUPPORT.resolutionHours[severity] * rateFactor('resolution_time', levels);
    return Math.min(60 * 24, this.#random.lognormal(median, SUPPORT.resolutionSigma));
  }

  #sentiment(at: Millis, levels: Levels, ticketId: string): void {
    if (!this.#random.chance(SUPPORT.sentimentScored)) return;
    const [mean, deviation] = SCORES.sentiment;
    const score = mean + scoreShift('sentiment', levels) + deviation * this.#random.normal();
    this.#send('sentiment_scored', at + 60_000, round(Math.min(1, Math.max(-1, score))), {
      model: 'tone-2',
      ticket_id: ticketId,
    });
  }

  #send(type: string, at: Millis, value: number | null, attributes: Record<string, string>): void {
    const subscriptionId = this.#account.helpdeskKnowsSubscription ? this.#life.contract.id : '';
    this.#outbox.signal(
      { producer: 'helpdesk', type, at, subscriptionId, value, attributes },
      this.#life.endsAt,
    );
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
