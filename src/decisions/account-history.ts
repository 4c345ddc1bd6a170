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
 * records in it what it opens and changes, so that what comes later in the pass sees it. Asking costs the same however many
 * subscriptions an account has: what is asked of a whole account is counted once and kept current.
 */
export class AccountHistory {
  readonly accountId: string;
  // Most accounts have no decisions, and a pass keeps a history of each that may get one: maps are made with the first entry.
  #decisions: Map<string, Decision> | undefined;
  /** Those that are open, by subscription. */
  #open: Map<string, Map<string, Decision>> | undefined;
  #actions: Map<string, Mutable<ActionSummary>> | undefined;
  /** Counts by kind, of the account and of each subscription; undefined until a guardrail asks. */
  #tallies: Map<string, Tally> | undefined;

  /** `decisions`: those that are open or that an answer waits for; `summaries`: of everything so far. */
  constructor(
    accountId: string,
    decisions: Iterable<Decision> = [],
    summaries: Iterable<ActionSummary> = [],
  ) {
    this.accountId = accountId;
    for (const decision of decisions) this.#put(decision);
    for (const summary of summaries) this.#summarise({ ...summary, seenAt: [...summary.seenAt] });
  }

  /** The decisions that it was given and those recorded since, in their present state. */
  get decisions(): readonly Decision[] {
    return [...(this.#decisions?.values() ?? [])];
  }

  /** Open decisions of a subscription; of the whole account without one. */
  open(subscriptionId?: string): Decision[] {
    if (subscriptionId !== undefined) return [...(this.#open?.get(subscriptionId)?.values() ?? [])];
    return [...(this.#open?.values() ?? [])].flatMap((open) => [...open.values()]);
  }

  /** How many decisions of these kinds are open, of one subscription or of the account. */
  openCount(kinds: readonly EventType[], subscriptionId?: string): number {
    return sumOf(this.#talliesOf(kinds, subscriptionId), ({ open }) => open);
  }

  /** How many of them neither customer nor owner has had yet. */
  unseenCount(kinds: readonly EventType[], subscriptionId?: string): number {
    return sumOf(this.#talliesOf(kinds, subscriptionId), ({ unseen }) => unseen);
  }

  /** How many decisions of these kinds were seen after a time, of one subscription or of the account. */
  seenSince(kinds: readonly EventType[], since: Millis, subscriptionId?: string): number {
    return sumOf(this.#talliesOf(kinds, subscriptionId), ({ seen }) => seen.length - placeAfter(seen, since));
  }

  /** When a decision of these kinds was last seen; undefined: never. */
  lastSeen(kinds: readonly EventType[], subscriptionId?: string): Millis | undefined {
    return latest(this.#talliesOf(kinds, subscriptionId).map(({ seen }) => seen.at(-1) ?? null));
  }

  /** How often an action was opened for a subscription. */
  openings(action: Pick<Decision, 'subscriptionId' | 'kind' | 'action'>): number {
    return this.#actions?.get(keyOf(action))?.openings ?? 0;
  }

  /** When an action of a subscription was last presented, or came to one of these ends; undefined: never. */
  last(
    action: Pick<Decision, 'subscriptionId' | 'kind' | 'action'>,
    whats: readonly ('presented' | End)[],
  ): Millis | undefined {
    const summary = this.#actions?.get(keyOf(action));
    if (summary === undefined) return undefined;
    return latest(whats.map((what) => summary[`${what}At`]));
  }

  /** Takes in a new decision, or a known one after an event. */
  record(after: Decision): void {
    const before = this.#decisions?.get(after.decisionId) ?? null;
    this.#put(after);
    const summary = this.#actions?.get(keyOf(after)) ?? this.#summarise(emptySummary(after));
    if (before === null && after.ordinal > summary.openings) {
      summary.openings = after.ordinal;
      summary.openedLastYear++;
      summary.openedAt = Math.max(summary.openedAt, after.openedAt);
    }
    noteSeen(summary, before, after);
    noteEnd(summary, after);
    if (this.#tallies === undefined) return;
    for (const subscriptionId of [undefined, after.subscriptionId]) {
      const tally = tallyIn(this.#tallies, after.kind, subscriptionId);
      if (before !== null) countIn(tally, before, -1);
      countIn(tally, after, 1);
      if (before?.presentedAt === after.presentedAt) continue;
      if (before !== null && wasSeen(before)) {
        const place = placeAfter(tally.seen, before.presentedAt!) - 1;
        if (tally.seen[place] === before.presentedAt) tally.seen.splice(place, 1);
      }
      if (wasSeen(after))
        tally.seen.splice(placeAfter(tally.seen, after.presentedAt!), 0, after.presentedAt!);
    }
  }

  #summarise(summary: Mutable<ActionSummary>): Mutable<ActionSummary> {
    this.#actions ??= new Map();
    this.#actions.set(keyOf(summary), summary);
    return summary;
  }

  #put(decision: Decision): void {
    const { decisionId, subscriptionId } = decision;
    this.#decisions ??= new Map();
    this.#decisions.set(decisionId, decision);
    this.#open ??= new Map();
    const open = this.#open.get(subscriptionId);
    if (!isOpen(decision)) open?.delete(decisionId);
    else if (open === undefined) this.#open.set(subscriptionId, new Map([[decisionId, decision]]));
    else open.set(decisionId, decision);
  }

  #talliesOf(kinds: readonly EventType[], subscriptionId: string | undefined): Tally[] {
    const tallies = this.#tallies ?? this.#tallied();
    this.#tallies = tallies;
    return kinds
      .map((kind) => tallies.get(tallyKey(kind, subscriptionId)))
      .filter((tally) => tally !== undefined);
  }

  #tallied(): Map<string, Tally> {
    const tallies = new Map<string, Tally>();
    for (const decision of this.open())
      for (const subscriptionId of [undefined, decision.subscriptionId])
        countIn(tallyIn(tallies, decision.kind, subscriptionId), decision, 1);
    for (const { kind, subscriptionId, seenAt } of this.#actions?.values() ?? [])
      for (const of of [undefined, subscriptionId]) tallyIn(tallies, kind, of).seen.push(...seenAt);
    for (const { seen } of tallies.values()) seen.sort((a, b) => a - b);
    return tallies;
  }
}

/** What is counted of the decisions of one kind. */
interface Tally {
  open: number;
  unseen: number;
  /** The earliest first. */
  readonly seen: Millis[];
}

function tallyKey(kind: EventType, subscriptionId: string | undefined): string {
  return subscriptionId === undefined ? kind : `${kind}\0${subscriptionId}`;
}

function tallyIn(tallies: Map<string, Tally>, kind: EventType, subscriptionId: string | undefined): Tally {
  const key = tallyKey(kind, subscriptionId);
  const known = tallies.get(key);
  if (known !== undefined) return known;
  const tally: Tally = { open: 0, unseen: 0, seen: [] };
  tallies.set(key, tally);
  return tally;
}

function countIn(tally: Tally, decision: Decision, by: 1 | -1): void {
  if (!isOpen(decision)) return;
  tally.open += by;
  if (!wasSeen(decision)) tally.unseen += by;
}

/** Where in a list, the earliest first, the first time after this one stands. */
function placeAfter(times: readonly Millis[], time: Millis): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((sum, item) => sum + amount(item), 0);
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
    noteEnd(summary, decision);
  }
  return [...byAction.values()];
}

/** Two summaries of one action as one, of which each counts openings that the other does not. */
export function mergedSummaries(
  before: readonly ActionSummary[],
  since: readonly ActionSummary[],
): ActionSummary[] {
  const all = new Map(before.map((summary) => [keyOf(summary), summary]));
  const later = (a: Millis | null, b: Millis | null) => (a === null ? b : b === null ? a : Math.max(a, b));
  for (const summary of since) {
    const known = all.get(keyOf(summary));
    if (known === undefined) {
      all.set(keyOf(summary), summary);
      continue;
    }
    const seenAt = [...new Set([...known.seenAt, ...summary.seenAt])].sort((a, b) => b - a);
    all.set(keyOf(summary), {
      ...known,
      openings: Math.max(known.openings, summary.openings),
      openedLastYear: known.openedLastYear + summary.openedLastYear,
      openedAt: Math.max(known.openedAt, summary.openedAt),
      presentedAt: later(known.presentedAt, summary.presentedAt),
      acceptedAt: later(known.acceptedAt, summary.acceptedAt),
      declinedAt: later(known.declinedAt, summary.declinedAt),
      expiredAt: later(known.expiredAt, summary.expiredAt),
      resolvedAt: later(known.resolvedAt, summary.resolvedAt),
      seenAt,
    });
  }
  return [...all.values()];
}

function noteSeen(summary: Mutable<ActionSummary>, before: Decision | null, after: Decision): void {
  if (!wasSeen(after) || before?.presentedAt === after.presentedAt) return;
  const known = before === null ? -1 : summary.seenAt.indexOf(before.presentedAt!);
  const others = summary.seenAt.filter((_, place) => place !== known);
  summary.seenAt = [...others, after.presentedAt!].sort((a, b) => b - a);
  summary.presentedAt = summary.seenAt[0]!;
}

function noteEnd(summary: Mutable<ActionSummary>, { status, closedAt }: Decision): void {
  const end = ENDS.find((one) => one === status);
  if (end !== undefined) summary[`${end}At`] = latest([summary[`${end}At`], closedAt]) ?? null;
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
