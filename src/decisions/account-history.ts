import type { Millis } from '../core/clock.js';
import type { EventType } from '../rules/event.js';
import { actionKey, type Decision } from './decision.js';
import { isOpen, wasSeen } from './lifecycle.js';

/** The ends of a decision that a cooldown can count from. */
export const ENDS = ['accepted', 'declined', 'expired', 'resolved'] as const;
export type End = (typeof ENDS)[number];

/** Everything that guardrails and facts need of the past of one action of one subscription. Times: the latest; null: never. */
export interface ActionSummary {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly kind: EventType;
  readonly action: string;
  /** How often it was opened. */
  readonly openings: number;
  /** How often it was opened in the year before. */
  readonly openedLastYear: number;
  readonly openedAt: Millis;
  readonly presentedAt: Millis | null;
  readonly acceptedAt: Millis | null;
  readonly declinedAt: Millis | null;
  readonly expiredAt: Millis | null;
  readonly resolvedAt: Millis | null;
  /** When decisions of it were seen, the latest first, as many as any frequency cap can count. */
  readonly seenAt: readonly Millis[];
}

/**
 * The decisions of one account as guardrails count them: those that are open as they are, the others as summaries. A pass
 * records in it what it opens and changes, so that what comes later in the pass sees it.
 */
export class AccountHistory {
  readonly accountId: string;
  readonly #decisions = new Map<string, Decision>();
  readonly #actions = new Map<string, Mutable<ActionSummary>>();

  /** `decisions`: those that are open or that an answer waits for; `summaries`: of everything so far. */
  constructor(
    accountId: string,
    decisions: Iterable<Decision> = [],
    summaries: Iterable<ActionSummary> = [],
  ) {
    this.accountId = accountId;
    for (const decision of decisions) this.#decisions.set(decision.decisionId, decision);
    for (const summary of summaries)
      this.#actions.set(keyOf(summary), { ...summary, seenAt: [...summary.seenAt] });
  }

  /** The decisions that it was given and those recorded since, in their present state. */
  get decisions(): readonly Decision[] {
    return [...this.#decisions.values()];
  }

  /** Open decisions of a subscription; of the whole account without one. */
  open(subscriptionId?: string): Decision[] {
    return this.decisions.filter(
      (decision) =>
        isOpen(decision) && (subscriptionId === undefined || decision.subscriptionId === subscriptionId),
    );
  }

  /** How often an action was opened for a subscription. */
  openings(action: Pick<Decision, 'subscriptionId' | 'kind' | 'action'>): number {
    return this.#actions.get(keyOf(action))?.openings ?? 0;
  }

  /** When an action of a subscription was last presented, or came to one of these ends; undefined: never. */
  last(
    action: Pick<Decision, 'subscriptionId' | 'kind' | 'action'>,
    whats: readonly ('presented' | End)[],
  ): Millis | undefined {
    const summary = this.#actions.get(keyOf(action));
    if (summary === undefined) return undefined;
    return latest(whats.map((what) => summary[`${what}At`]));
  }

  /** How many decisions of these kinds were seen after a time, of one subscription or of the account. */
  seenSince(kinds: readonly EventType[], since: Millis, subscriptionId?: string): number {
    let count = 0;
    for (const summary of this.#of(kinds, subscriptionId))
      count += summary.seenAt.filter((at) => at > since).length;
    return count;
  }

  /** When a decision of these kinds was last seen; undefined: never. */
  lastSeen(kinds: readonly EventType[], subscriptionId?: string): Millis | undefined {
    return latest(this.#of(kinds, subscriptionId).map(({ presentedAt }) => presentedAt));
  }

  /** Takes in a new decision, or a known one after an event. */
  record(after: Decision): void {
    const before = this.#decisions.get(after.decisionId);
    this.#decisions.set(after.decisionId, after);
    const key = keyOf(after);
    const known = this.#actions.get(key);
    const summary = known ?? emptySummary(after);
    if (known === undefined) this.#actions.set(key, summary);
    if (before === undefined && after.ordinal > summary.openings) {
      summary.openings = after.ordinal;
      summary.openedLastYear++;
      summary.openedAt = Math.max(summary.openedAt, after.openedAt);
    }
    noteSeen(summary, before ?? null, after);
    if (ENDS.includes(after.status as End))
      summary[`${after.status as End}At`] =
        latest([summary[`${after.status as End}At`], after.closedAt]) ?? null;
  }

  #of(kinds: readonly EventType[], subscriptionId: string | undefined): ActionSummary[] {
    return [...this.#actions.values()].filter(
      (summary) =>
        kinds.includes(summary.kind) &&
        (subscriptionId === undefined || summary.subscriptionId === subscriptionId),
    );
  }
}

/** The summaries of decisions, each in its latest state, as the store computes them in SQL. `asOf`: the year before it counts. */
export function summaries(decisions: Iterable<Decision>, yearBefore: Millis): ActionSummary[] {
  const byAction = new Map<string, Mutable<ActionSummary>>();
  for (const decision of decisions) {
    const key = `${decision.accountId}\0${keyOf(decision)}`;
    const summary = byAction.get(key) ?? emptySummary(decision);
    byAction.set(key, summary);
    summary.openings = Math.max(summary.openings, decision.ordinal);
    if (decision.openedAt > yearBefore) summary.openedLastYear++;
    summary.openedAt = Math.max(summary.openedAt, decision.openedAt);
    noteSeen(summary, null, decision);
    const end = decision.status as End;
    if (ENDS.includes(end)) summary[`${end}At`] = latest([summary[`${end}At`], decision.closedAt]) ?? null;
  }
  return [...byAction.values()];
}

function noteSeen(summary: Mutable<ActionSummary>, before: Decision | null, after: Decision): void {
  if (!wasSeen(after) || before?.presentedAt === after.presentedAt) return;
  const at = after.presentedAt!;
  const seen = summary.seenAt.filter((time) => time !== before?.presentedAt);
  summary.seenAt = [...seen, at].sort((a, b) => b - a);
  summary.presentedAt = summary.seenAt[0]!;
}

function emptySummary({
  accountId,
  subscriptionId,
  kind,
  action,
}: Pick<Decision, 'accountId' | 'subscriptionId' | 'kind' | 'action'>): Mutable<ActionSummary> {
  return {
    accountId,
    subscriptionId,
    kind,
    action,
    openings: 0,
    openedLastYear: 0,
    openedAt: 0,
    presentedAt: null,
    acceptedAt: null,
    declinedAt: null,
    expiredAt: null,
    resolvedAt: null,
    seenAt: [],
  };
}

function keyOf(action: Pick<Decision, 'subscriptionId' | 'kind' | 'action'>): string {
  return `${action.subscriptionId}\0${actionKey(action)}`;
}

function latest(times: readonly (Millis | null)[]): Millis | undefined {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? undefined : Math.max(...known);
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
