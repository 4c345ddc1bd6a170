import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import type { AccountHistory } from './account-history.js';
import { type Answer, happeningOf } from './answer.js';
import type { Decision, DecisionEvent } from './decision.js';
import { applyTo, dueHappening, type Happening, isOpen } from './lifecycle.js';
import type { Restoration } from './restoration.js';
import type { SharedLimits } from './shared-limits.js';

/** An answer that could not be carried out. */
export interface Refusal {
  readonly answer: Answer;
  readonly reason: string;
}

export interface Settled {
  readonly events: readonly DecisionEvent[];
  readonly refusals: readonly Refusal[];
  /** Answers that have to wait for the keeper of shared limits: they stay in the inbox. */
  readonly postponed: readonly Answer[];
}

/** What speaks against opening a decision again. */
export interface Objection {
  readonly reason: string;
}

/** What has to approve a decision before it may be opened again. */
export interface MissingApproval {
  readonly waitsFor: string;
}

/**
 * What a decision's own condition comes to now. `unknown`: it can't be evaluated, for instance because a feature that it
 * names is gone; then nothing is concluded from it. `ended`: the subscription does not run any more.
 */
export type ConditionState = 'holds' | 'false' | 'unknown' | 'ended';

/**
 * Closes before anything is opened: applies answers and what time has made due to the known decisions of an account, and looks
 * at the conditions of those that are open. Events are recorded in the history and the shared limits.
 *
 * `stateOf`: the condition of the rule that opened a decision, at its revision. `mayReopen` says whether guardrails let a
 * decision open again, and after whose approval; a refusal names the reason. `restorations`: what decisions go back to whose answers were taken back; cooldowns
 * forget those answers from the next pass on.
 */
export function settle(
  history: AccountHistory,
  limits: SharedLimits,
  answers: readonly Answer[],
  now: Millis,
  stateOf: (decision: Decision) => ConditionState,
  mayReopen: (decision: Decision) => Objection | MissingApproval | 'wait' | undefined = () => undefined,
  restorations: ReadonlyMap<string, Restoration> = new Map(),
): Settled {
  const events: DecisionEvent[] = [];
  const refusals: Refusal[] = [];
  const postponed: Answer[] = [];
  const given = answers.filter(({ takenBack }) => takenBack !== true);
  const anew =
    restorations.size === 0
      ? []
      : history.decisions.flatMap(({ decisionId }) => restorations.get(decisionId)?.answers ?? []);
  const byDecision = groupBy(inOrder([...given, ...anew]), ({ decisionId }) => decisionId);
  for (const known of inTurn(history.decisions, byDecision)) {
    let decision = known;
    const happen = (happening: Happening | undefined): string | undefined => {
      if (happening === undefined) return undefined;
      const outcome = applyTo(decision, happening);
      if (outcome.kind === 'refused') return outcome.reason;
      if (outcome.kind === 'unchanged') return undefined;
      decision = outcome.event.decision;
      events.push(outcome.event);
      history.record(decision);
      limits.record(decision);
      return undefined;
    };
    const elapse = (until: Millis, holds = false): void => {
      const next = () => dueHappening(decision, until, holds);
      for (let due = next(); due !== undefined; due = next()) happen(due);
    };
    const restoration = restorations.get(decision.decisionId);
    if (restoration !== undefined) happen(restored(restoration, now));
    for (const answer of byDecision.get(decision.decisionId) ?? []) {
      const happening = happeningOf(answer);
      if (happening === undefined) continue;
      // Only what fell due before the answer was given comes before it.
      elapse(Math.min(happening.at, now));
      const reopens = happening.event === 'reopened' && !isOpen(decision);
      const objection = reopens ? mayReopen(decision) : undefined;
      if (objection === 'wait') {
        postponed.push(answer);
        continue;
      }
      const reason =
        objection !== undefined && 'reason' in objection
          ? objection.reason
          : happen(outwardly(decision, { ...happening, ...objection }));
      if (reason !== undefined) refusals.push({ answer, reason });
    }
    // What fell due comes before what is found out now; only, what holds now is not cleared for what was found out before.
    const state = isOpen(decision) ? stateOf(decision) : 'unknown';
    elapse(now, state === 'holds');
    if (!isOpen(decision)) continue;
    if (state === 'ended')
      happen({ event: 'cleared', at: now, actor: 'pass', reason: 'The subscription does not run any more.' });
    else if (state === 'false' && decision.status !== 'presented')
      happen({ event: 'condition_false', at: now, actor: 'pass', reason: 'Its condition does not hold.' });
    else if (state === 'holds')
      happen({ event: 'condition_true', at: now, actor: 'pass', reason: 'Its condition holds again.' });
    elapse(now);
  }
  return { events, refusals, postponed };
}

/** Those that are to be opened again come last: whatever else is closed in this pass has made room by then. */
function inTurn(
  decisions: readonly Decision[],
  answers: ReadonlyMap<string, readonly Answer[]>,
): readonly Decision[] {
  const reopens = ({ decisionId }: Decision): boolean =>
    (answers.get(decisionId) ?? []).some((answer) => happeningOf(answer)?.event === 'reopened');
  const last = decisions.filter(reopens);
  return last.length === 0 ? decisions : [...decisions.filter((decision) => !reopens(decision)), ...last];
}

/**
 * A producer that reports an offer as expired means: nobody may take it any more, seen or not. Of what has closed already
 * that is nothing new.
 */
function outwardly(decision: Decision, happening: Happening): Happening | undefined {
  if (happening.event !== 'expired') return happening;
  if (!isOpen(decision)) return undefined;
  return decision.status === 'presented' ? happening : { ...happening, event: 'lapsed' };
}

function restored({ before, causeId }: Restoration, at: Millis): Happening {
  const reason = 'An answer that it was given was corrected or taken back.';
  return { event: 'corrected', at, actor: 'pass', reason, causeId, revision: before };
}

/** The earliest first, each once. */
function inOrder(answers: readonly Answer[]): Iterable<Answer> {
  return new Map([...answers].sort(byTime).map((answer) => [answer.answerId, answer])).values();
}

/** The earliest first; at one time in a fixed order, so that the order of arrival means nothing. */
function byTime(a: Answer, b: Answer): number {
  return a.at - b.at || compare(a.kind, b.kind) || compare(a.answerId, b.answerId);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
