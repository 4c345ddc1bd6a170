import type { Millis } from '../core/clock.js';
import type { Situation } from '../decisions/arbitrate.js';
import { type Decision, isOpen } from '../decisions/decision.js';
import { Tally } from '../decisions/tally.js';
import type { Scope } from '../features/population.js';
import { readFeatures } from '../features/read-features.js';
import type { EventType } from '../rules/event.js';
import type { Plan } from '../rules/plan.js';
import type { Scoring } from '../scoring/load.js';
import type { Store } from '../store/store.js';
import { GatheredPast, type Past, readPast } from './past.js';
import { scoreBatch } from './score-batch.js';
import { verdictsOf } from './verdicts.js';

/** What a change of rules would do to the subscriptions of the store as of a time. Nothing is stored. */
export interface RuleImpact {
  readonly asOf: Millis;
  /** Subscriptions looked at. */
  readonly subscriptions: number;
  /** Subscriptions for which anything differs. */
  readonly affected: number;
  /** The ARR behind them by currency, in minor units. */
  readonly arrMinor: Readonly<Record<string, number>>;
  readonly byKind: Readonly<Record<EventType, KindImpact>>;
  /** Some of the affected, the largest ARR first. */
  readonly examples: readonly ImpactExample[];
}

/** How many subscriptions have something of a kind open under one rule set and not the other, or something else. */
export interface KindImpact {
  readonly gain: number;
  readonly lose: number;
  readonly change: number;
}

export interface ImpactExample {
  readonly subscriptionId: string;
  readonly arrMinor: number | null;
  readonly currency: string;
  /** What would be open, such as `offer renewal_discount`. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const EXAMPLES = 10;

/**
 * Runs two rule sets side by side over everyone as of a time, with guardrails, limits and what is open already, and
 * compares what each would leave open.
 */
export async function ruleImpact(
  store: Store,
  scoring: Scoring,
  plans: { readonly before: Plan; readonly after: Plan },
  scopes: AsyncIterable<Scope>,
  asOf: Millis,
): Promise<RuleImpact> {
  const before: Situation[] = [];
  const after: Situation[] = [];
  const past = new GatheredPast();
  let subscriptions = 0;
  for await (const scope of scopes) {
    const known = await readPast(store, scope, asOf);
    past.add(known);
    const tally = new Tally(known.decisions);
    const decisionsOf = (account: string) => tally.ofAccount(account);
    for await (const features of readFeatures(store, scoring.catalogue, { scope, asOf })) {
      subscriptions += features.batch.length;
      before.push(...scoreBatch(features, { scoring, plan: plans.before }, decisionsOf, asOf).situations);
      after.push(...scoreBatch(features, { scoring, plan: plans.after }, decisionsOf, asOf).situations);
    }
  }
  const [old, now] = [
    await openAfter(store, plans.before, before, past, asOf),
    await openAfter(store, plans.after, after, past, asOf),
  ];
  return compare(subscriptions, asOf, old, now, [...before, ...after]);
}

type Open = ReadonlyMap<string, readonly Decision[]>;

/** What is open by subscription once a rule set has decided. */
async function openAfter(
  store: Store,
  plan: Plan,
  situations: readonly Situation[],
  past: Past,
  asOf: Millis,
): Promise<Open> {
  const { changes } = await verdictsOf(store, plan.set, situations, past, asOf);
  const latest = new Map([...past.decisions, ...changes].map((decision) => [decision.decisionId, decision]));
  const open = new Map<string, Decision[]>();
  for (const decision of [...latest.values()].filter(isOpen)) {
    const known = open.get(decision.subscriptionId);
    if (known === undefined) open.set(decision.subscriptionId, [decision]);
    else known.push(decision);
  }
  return open;
}

function compare(
  subscriptions: number,
  asOf: Millis,
  before: Open,
  after: Open,
  situations: readonly Situation[],
): RuleImpact {
  const byKind = {
    offer: { gain: 0, lose: 0, change: 0 },
    escalation: { gain: 0, lose: 0, change: 0 },
    touchpoint: { gain: 0, lose: 0, change: 0 },
  };
  const situationOf = new Map(situations.map((situation) => [situation.subscriptionId, situation]));
  const arrMinor: Record<string, number> = {};
  const examples: ImpactExample[] = [];
  for (const subscriptionId of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(subscriptionId) ?? [];
    const now = after.get(subscriptionId) ?? [];
    let differs = false;
    for (const kind of ['offer', 'escalation', 'touchpoint'] as const) {
      const [was, is] = [actionsOf(old, kind), actionsOf(now, kind)];
      if (was.join() === is.join()) continue;
      differs = true;
      if (was.length === 0) byKind[kind].gain++;
      else if (is.length === 0) byKind[kind].lose++;
      else byKind[kind].change++;
    }
    if (!differs) continue;
    const { arrMinor: arr = null, currency = '' } = situationOf.get(subscriptionId) ?? {};
    if (arr !== null) arrMinor[currency] = (arrMinor[currency] ?? 0) + arr;
    examples.push({ subscriptionId, arrMinor: arr, currency, before: wordsOf(old), after: wordsOf(now) });
  }
  examples.sort(
    (a, b) => (b.arrMinor ?? -1) - (a.arrMinor ?? -1) || (a.subscriptionId < b.subscriptionId ? -1 : 1),
  );
  return {
    asOf,
    subscriptions,
    affected: examples.length,
    arrMinor,
    byKind,
    examples: examples.slice(0, EXAMPLES),
  };
}

function actionsOf(decisions: readonly Decision[], kind: EventType): string[] {
  return decisions
    .filter((decision) => decision.kind === kind)
    .map(({ action }) => action)
    .sort();
}

function wordsOf(decisions: readonly Decision[]): string[] {
  return decisions.map(({ kind, action }) => `${kind} ${action}`).sort();
}
