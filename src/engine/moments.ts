import type { Clock, Millis } from '../core/clock.js';
import { stableId } from '../core/identity.js';
import { type Asked, assertSameCall } from '../core/request-id.js';
import { SharedWork } from '../core/shared-work.js';
import type { Decision, Suppression } from '../decisions/decision.js';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { Delivery } from '../ingest/signal-source.js';
import { EVENT_TYPES } from '../rules/event.js';
import { type OutcomeKind, RUNNING_STATUSES, UNKNOWN_OUTCOME } from '../signals/subscription.js';
import { listDecisions } from '../store/decision-list.js';
import { readDecisions } from '../store/decision-log.js';
import { readMoment, recordMoment, type StoredMoment } from '../store/moment-log.js';
import { readFirstTime } from '../store/outcome-log.js';
import type { Store } from '../store/store.js';
import { isAccountAlone, readStanding } from '../store/subscription-log.js';
import { listSuppressions } from '../store/suppression-list.js';
import type { AccountOutcome } from './account-outcome.js';
import type { Decider } from './decider.js';
import type { Questions } from './questions.js';
import { type Risk, unknownSubscription } from './risk.js';

/** A moment of truth: what a customer is about to do. */
export interface Moment {
  readonly subscriptionId: string;
  /** Recorded as an outcome; null: nothing is recorded. */
  readonly kind: Extract<OutcomeKind, 'cancel_intent' | 'cancel_intent_withdrawn'> | null;
  readonly reason: string;
  readonly caller: string;
  /** The same for each try. */
  readonly requestId: string;
  /** Records and decides nothing: the answer is what is open already. */
  readonly validateOnly: boolean;
}

export interface MomentAnswer {
  readonly accountId: string;
  readonly risk: Risk;
  /** What is open for the subscription, offers first. */
  readonly decisions: readonly Decision[];
  readonly suppressions: readonly Suppression[];
  readonly rulesRevision: string;
  /** Whether an earlier try got this answer. */
  readonly repeated: boolean;
}

/** More are never open for one subscription. */
const MOST = 100;

/** Answers moments of truth by a pass over the account, now; each request once. */
export class Moments {
  readonly #store: Store;
  readonly #questions: Questions;
  readonly #decider: Decider;
  readonly #clock: Clock;
  /** By request, so that two tries at once are one. */
  readonly #running = new Map<
    string,
    { readonly moment: Moment; readonly answer: SharedWork<MomentAnswer> }
  >();

  constructor(store: Store, questions: Questions, decider: Decider, clock: Clock) {
    this.#store = store;
    this.#questions = questions;
    this.#decider = decider;
    this.#clock = clock;
  }

  /** Throws `not_found` for a subscription that does not run. */
  async answer(moment: Moment, signal: AbortSignal): Promise<MomentAnswer> {
    if (moment.validateOnly) {
      const { subscriptionId } = moment;
      const accountId = await this.#accountOf(subscriptionId, this.#clock());
      return { ...(await this.#standing(accountId, subscriptionId)), suppressions: [], repeated: false };
    }
    const key = stableId('moment', moment.caller, moment.requestId);
    const running = this.#running.get(key);
    if (running !== undefined && !running.answer.cancelled) {
      assertSameCall(askedBy(running.moment), askedBy(moment));
      return { ...(await running.answer.wait(signal)), repeated: true };
    }
    const answer = new SharedWork(async (shared) => {
      try {
        return await this.#answer(key, moment, shared);
      } finally {
        if (this.#running.get(key)?.answer === answer) this.#running.delete(key);
      }
    });
    this.#running.set(key, { moment, answer });
    return answer.wait(signal);
  }

  async #answer(key: string, moment: Moment, signal: AbortSignal): Promise<MomentAnswer> {
    const before = await readMoment(this.#store, key);
    if (before !== undefined) return this.#again(moment, before);
    const { subscriptionId, kind, reason } = moment;
    const now = this.#clock();
    const accountId = await this.#accountOf(subscriptionId, now);
    // A try that ended before its answer has recorded it: the customer did it then, and once.
    const recorded =
      kind === null
        ? undefined
        : await readFirstTime(this.#store, { accountId, subscriptionId, source: sourceOf(moment), id: key });
    const askedAt = recorded ?? now;
    const records = kind === null ? [] : [outcomeOf(moment, kind, accountId, key, askedAt)];
    const outcome = await this.#decider.decide(accountId, records, signal);
    const standing = await this.#standing(accountId, subscriptionId, outcome);
    const { risk } = standing;
    const suppressed =
      outcome?.suppressedOf(subscriptionId) ??
      (await listSuppressions(this.#store, { accountId, subscriptionId, from: risk.asOf, limit: MOST }));
    const answer: MomentAnswer = {
      ...standing,
      suppressions: suppressed.map(({ rule, kind: type, action, guardrail, reason: why }) => ({
        rule,
        kind: type,
        action,
        guardrail,
        reason: why,
      })),
      repeated: false,
    };
    await recordMoment(this.#store, {
      requestKey: key,
      caller: moment.caller,
      requestId: moment.requestId,
      accountId,
      subscriptionId,
      moment: kind ?? '',
      reason,
      askedAt,
      asOf: risk.asOf,
      decisionIds: answer.decisions.map(({ decisionId }) => decisionId),
      suppressed: answer.suppressions,
      rulesRevision: answer.rulesRevision,
    });
    return answer;
  }

  /**
   * The account whose pass answers for a subscription. Throws `not_found` for one that does not run, before anything is recorded: a
   * mistyped id must not leave an outcome, nor wait for a pass that never comes to it.
   */
  async #accountOf(subscriptionId: string, asOf: Millis): Promise<string> {
    const known = this.#decider.accountOf(subscriptionId, asOf);
    if (known !== undefined) return known;
    const standing = await readStanding(this.#store, subscriptionId, asOf);
    if (standing !== undefined && RUNNING_STATUSES.includes(standing.status)) return standing.accountId;
    if (standing === undefined && (await isAccountAlone(this.#store, subscriptionId))) return subscriptionId;
    throw unknownSubscription(subscriptionId, asOf);
  }

  /** How a subscription stands: its risk, and what is open for it, after the pass where one has just been made here. */
  async #standing(
    accountId: string,
    subscriptionId: string,
    outcome?: AccountOutcome,
  ): Promise<Pick<MomentAnswer, 'accountId' | 'risk' | 'decisions' | 'rulesRevision'>> {
    const of = { accountId, subscriptionId, statuses: OPEN_STATUSES, limit: MOST };
    const decisions = outcome?.openOf(subscriptionId) ?? (await listDecisions(this.#store, of));
    return {
      accountId,
      risk: await this.#questions.risk(subscriptionId),
      decisions: offersFirst(decisions),
      rulesRevision: this.#questions.rulesRevision,
    };
  }

  async #again(moment: Moment, before: StoredMoment): Promise<MomentAnswer> {
    const { subscriptionId, reason } = before;
    assertSameCall({ subscription_id: subscriptionId, moment: before.moment, reason }, askedBy(moment));
    return {
      accountId: before.accountId,
      risk: await this.#questions.risk(before.subscriptionId),
      decisions: offersFirst(await readDecisions(this.#store, before.decisionIds)),
      suppressions: before.suppressed,
      rulesRevision: before.rulesRevision,
      repeated: true,
    };
  }
}

function askedBy({ subscriptionId, kind, reason }: Moment): Asked {
  return { subscription_id: subscriptionId, moment: kind ?? '', reason };
}

function offersFirst(decisions: readonly Decision[]): readonly Decision[] {
  const rank = ({ kind }: Decision) => EVENT_TYPES.indexOf(kind);
  return [...decisions].sort((a, b) => rank(a) - rank(b));
}

const sourceOf = ({ caller }: Moment) => `api/${caller}`.slice(0, 256);

function outcomeOf(moment: Moment, kind: OutcomeKind, accountId: string, id: string, now: number): Delivery {
  const { subscriptionId, reason } = moment;
  return {
    record: {
      kind: 'outcome',
      outcome: {
        source: sourceOf(moment),
        id,
        accountId,
        subscriptionId,
        kind,
        occurredAt: now,
        ...UNKNOWN_OUTCOME,
        reason,
      },
    },
    origin: { topic: 'grpc', partition: -1, offset: -1 },
    receivedAt: now,
  };
}
