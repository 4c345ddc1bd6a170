import type { Clock, Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import type { Decision, DecisionEvent } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import { Ledger } from '../decisions/shared-limits.js';
import type { Scope } from '../features/population.js';
import { EVENT_TYPES, type EventType } from '../rules/event.js';
import type { Plan } from '../rules/plan.js';
import type { Scoring } from '../scoring/load.js';
import { cancelled } from '../store/aborted.js';
import { readLedger, readLiveDecisions, type SuppressionRow } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import { runPass } from './pass.js';
import { featuresAt, halving } from './pass-ports.js';
import type { Decided, Sink } from './sink.js';
import { reportSink } from './sink.js';
import { StayingConditions } from './staying-conditions.js';
import { StoredPast } from './stored-past.js';

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
  /** By rule, what it does under the new set: those of the old set that are gone do nothing. */
  readonly rules: readonly RuleEffect[];
  /** Some of the affected, the largest ARR first. */
  readonly examples: readonly ImpactExample[];
}

/** How many subscriptions have something of a kind open under one rule set and not the other, or something else. */
export interface KindImpact {
  readonly gain: number;
  readonly lose: number;
  readonly change: number;
}

/** What one rule would do in the pass. */
export interface RuleEffect {
  readonly rule: string;
  /** Subscriptions for which it fires and nothing like it is open: those it opens for, and those suppressed. */
  readonly fires: number;
  readonly opens: number;
  /** Of those opened: what waits for approval. */
  readonly waits: number;
  /** What the opened ones give away by currency, in minor units. */
  readonly costMinor: Readonly<Record<string, number>>;
  /** Suppressed, by guardrail. */
  readonly suppressed: Readonly<Record<string, number>>;
}

export interface ImpactExample {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly arrMinor: number | null;
  readonly currency: string;
  /** What would be open, such as `offer renewal_discount`. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const EXAMPLES = 10;

/**
 * Runs two rule sets as of a time over everyone, each as a pass that keeps nothing, with guardrails, limits and what is open
 * already, and compares what each would leave open. `signal`: ends both before their next page.
 */
export async function ruleImpact(
  store: Store,
  scoring: Scoring,
  plans: { readonly before: Plan; readonly after: Plan },
  scopes: () => AsyncIterable<Scope>,
  asOf: Millis,
  clock: Clock,
  signal?: AbortSignal,
): Promise<RuleImpact> {
  const time = asOf >= clock() ? null : asOf - 1;
  const old = await outcomeOf(store, scoring, plans.before, scopes(), asOf, time, signal);
  const now = await outcomeOf(store, scoring, plans.after, scopes(), asOf, time, signal);
  return compare(asOf, old, now);
}

/** What a pass under one set comes to. */
class PassRecord implements Sink {
  readonly open = new Map<string, Decision>();
  readonly events: DecisionEvent[] = [];
  readonly suppressed: SuppressionRow[] = [];
  subscriptions = 0;

  scored = reportSink.scored;
  left = reportSink.left;
  finish = reportSink.finish;

  async decided({ events, suppressed }: Decided): Promise<void> {
    for (const event of events) {
      this.events.push(event);
      if (isOpen(event.decision)) this.open.set(event.decision.decisionId, event.decision);
      else this.open.delete(event.decision.decisionId);
    }
    for (const row of suppressed) this.suppressed.push(row);
  }
}

async function outcomeOf(
  store: Store,
  scoring: Scoring,
  plan: Plan,
  scopes: AsyncIterable<Scope>,
  asOf: Millis,
  time: Millis | null,
  signal: AbortSignal | undefined,
): Promise<PassRecord> {
  const record = new PassRecord();
  const everyone: Scope = { kind: 'range', first: '', last: '\u{10ffff}' };
  for (const decision of await readLiveDecisions(store, everyone, time, []))
    record.open.set(decision.decisionId, decision);
  const ledger = new Ledger(await readLedger(store, 0, time));
  const { subscriptions } = await runPass(
    {
      features: featuresAt(store, scoring, asOf),
      past: new StoredPast(store, time),
      sink: record,
      limits: Object.assign(ledger, {
        prepare: (running: number) => ledger.setBrake(plan.set.brake, running),
      }),
      staying: new StayingConditions(store, plan.set),
      halve: halving(store, asOf),
      assertStillOwner: () => {
        if (signal?.aborted === true) throw cancelled(signal.reason);
      },
    },
    { scoring, plan },
    scopes,
    asOf,
  );
  record.subscriptions = subscriptions;
  return record;
}

function compare(asOf: Millis, before: PassRecord, after: PassRecord): RuleImpact {
  const byKind = Object.fromEntries(
    EVENT_TYPES.map((kind) => [kind, { gain: 0, lose: 0, change: 0 }]),
  ) as Record<EventType, { gain: number; lose: number; change: number }>;
  const [old, now] = [bySubscription(before.open.values()), bySubscription(after.open.values())];
  const arrMinor: Record<string, number> = {};
  const examples: ImpactExample[] = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(key) ?? [], now.get(key) ?? []];
    let differs = false;
    for (const kind of EVENT_TYPES) {
      const [had, has] = [actionsOf(was, kind), actionsOf(is, kind)];
      if (had.join() === has.join()) continue;
      differs = true;
      if (had.length === 0) byKind[kind].gain++;
      else if (has.length === 0) byKind[kind].lose++;
      else byKind[kind].change++;
    }
    if (!differs) continue;
    const { accountId, subscriptionId, arrMinor: arr, currency } = [...is, ...was][0]!;
    if (arr !== null) arrMinor[currency] = (arrMinor[currency] ?? 0) + arr;
    examples.push({
      accountId,
      subscriptionId,
      arrMinor: arr,
      currency,
      before: wordsOf(was),
      after: wordsOf(is),
    });
  }
  examples.sort(
    (a, b) => (b.arrMinor ?? -1) - (a.arrMinor ?? -1) || (a.subscriptionId < b.subscriptionId ? -1 : 1),
  );
  return {
    asOf,
    subscriptions: after.subscriptions,
    affected: examples.length,
    arrMinor,
    byKind,
    rules: effectsOf(after),
    examples: examples.slice(0, EXAMPLES),
  };
}

/** What each rule opened and what was suppressed of it, the most first. */
function effectsOf({ events, suppressed }: PassRecord): RuleEffect[] {
  interface Growing extends RuleEffect {
    fires: number;
    opens: number;
    waits: number;
    costMinor: Record<string, number>;
    suppressed: Record<string, number>;
  }
  const effects = new Map<string, Growing>();
  const of = (rule: string): Growing => {
    const known = effects.get(rule);
    if (known !== undefined) return known;
    const fresh: Growing = { rule, fires: 0, opens: 0, waits: 0, costMinor: {}, suppressed: {} };
    effects.set(rule, fresh);
    return fresh;
  };
  for (const { event, decision } of events) {
    if (event !== 'opened') continue;
    const effect = of(decision.rule);
    effect.fires++;
    effect.opens++;
    if (decision.waitsFor !== '') effect.waits++;
    if (decision.costMinor > 0)
      effect.costMinor[decision.currency] = (effect.costMinor[decision.currency] ?? 0) + decision.costMinor;
  }
  for (const { rule, guardrail } of suppressed) {
    const effect = of(rule);
    effect.fires++;
    effect.suppressed[guardrail] = (effect.suppressed[guardrail] ?? 0) + 1;
  }
  return [...effects.values()].sort((a, b) => b.fires - a.fires || (a.rule < b.rule ? -1 : 1));
}

function bySubscription(decisions: Iterable<Decision>): Map<string, Decision[]> {
  return groupBy(decisions, ({ accountId, subscriptionId }) => `${accountId}\0${subscriptionId}`);
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
