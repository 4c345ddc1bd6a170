import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { AccountHistory, summaries } from '../../src/decisions/account-history.js';
import type { Answer } from '../../src/decisions/answer.js';
import { type Openings, openFor, opensNothing, supersede } from '../../src/decisions/arbitrate.js';
import type { Decision, DecisionEvent } from '../../src/decisions/decision.js';
import { isOpen } from '../../src/decisions/lifecycle.js';
import { objectionToReopening } from '../../src/decisions/reopening.js';
import { reviseTerms } from '../../src/decisions/revise-terms.js';
import { type Refusal, settle } from '../../src/decisions/settle.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import type { FiredRule, Situation } from '../../src/decisions/situation.js';
import type { Brake, Guardrail } from '../../src/rules/rule-set.js';
import { RULES } from './cases.js';

/** A subscription as a pass finds it. */
export interface Subscription {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly owner: string;
  readonly currency: string;
  readonly arrMinor: number | null;
  readonly arrAtRiskMinor: number | null;
  /** Highest priority first. */
  readonly fired: readonly FiredRule[];
  readonly guardrails: readonly Guardrail[];
}

/** What was asked of one subscription and what came of it. */
export interface Opened {
  readonly situation: Situation;
  readonly openings: Openings;
}

export interface PassResult {
  /** Everything but what opened. */
  readonly closing: readonly DecisionEvent[];
  /** In the order in which they were judged. */
  readonly opened: readonly Opened[];
  readonly refusals: readonly Refusal[];
}

/**
 * Passes over a business in memory, by the pure functions that `engine/pass.ts` is made of and in its order: every account is
 * settled before anything may open or cost more, and then the most urgent goes first.
 */
export class Business {
  readonly latest = new Map<string, Decision>();
  ledger = new Ledger();

  constructor(readonly brake: Brake | null = null) {}

  get decisions(): readonly Decision[] {
    return [...this.latest.values()];
  }

  /** What a process that starts anew knows. */
  restart(): void {
    this.ledger = new Ledger(this.latest.values());
  }

  copy(): Business {
    const copy = new Business(this.brake);
    for (const [id, decision] of this.latest) copy.latest.set(id, decision);
    copy.restart();
    return copy;
  }

  /** `pages`: the accounts, cut into pages. */
  pass(
    subscriptions: readonly Subscription[],
    answers: readonly Answer[],
    asOf: Millis,
    pages: readonly (readonly string[])[],
  ): PassResult {
    const { ledger } = this;
    const situationOf = (one: Subscription): Situation => ({ ...one, asOf, risk: 50, band: 'high' });
    const histories = new Map<string, AccountHistory>();
    const closing: DecisionEvent[] = [];
    const refusals: Refusal[] = [];
    for (const accountId of pages.flat()) {
      const mine = subscriptions.filter((one) => one.accountId === accountId);
      const all = this.decisions.filter((one) => one.accountId === accountId);
      const given = answers.filter((one) => one.accountId === accountId);
      const live = all.filter(
        (one) => isOpen(one) || given.some(({ decisionId }) => decisionId === one.decisionId),
      );
      const history = new AccountHistory(accountId, live, summaries(all, asOf - 365 * DAY_MS));
      histories.set(accountId, history);
      const of = ({ subscriptionId }: Decision) => mine.find((one) => one.subscriptionId === subscriptionId);
      const settled = settle(
        history,
        ledger,
        given,
        asOf,
        (decision) => {
          const it = of(decision);
          if (it === undefined) return 'ended';
          return it.fired.some(({ rule }) => rule.name === decision.rule) ? 'holds' : 'false';
        },
        (decision) =>
          objectionToReopening(decision, history, ledger, of(decision)?.guardrails ?? [], RULES, asOf),
      );
      refusals.push(...settled.refusals);
      closing.push(...settled.events, ...supersede(history, ledger, asOf));
    }
    const urgent = subscriptions.filter(({ accountId }) => histories.has(accountId)).sort(byUrgency);
    for (const one of urgent)
      closing.push(...reviseTerms(situationOf(one), histories.get(one.accountId)!, ledger, RULES));
    this.#store(closing);

    ledger.setBrake(this.brake, subscriptions.length);
    const opened: Opened[] = [];
    for (const one of urgent) {
      const situation = situationOf(one);
      const history = histories.get(one.accountId)!;
      const own = opensNothing(situation, history, RULES);
      const openings = openFor(situation, history, ledger, RULES);
      // What is settled without the shared limits comes to the same with them.
      if (own !== undefined && JSON.stringify(own) !== JSON.stringify(openings))
        throw new Error('What was to open nothing came to something else.');
      opened.push({ situation, openings });
      this.#store(openings.events);
    }
    return { closing, opened, refusals };
  }

  #store(events: readonly DecisionEvent[]): void {
    for (const { decision } of events) {
      const { decisionId, version } = decision;
      if (version !== (this.latest.get(decisionId)?.version ?? 0) + 1)
        throw new Error(`Version ${version} of ${decisionId} does not follow the one before it.`);
      this.latest.set(decisionId, decision);
    }
  }
}

function byUrgency(a: Subscription, b: Subscription): number {
  return (
    (b.arrAtRiskMinor ?? -1) - (a.arrAtRiskMinor ?? -1) ||
    (a.accountId < b.accountId ? -1 : a.accountId > b.accountId ? 1 : 0) ||
    (a.subscriptionId < b.subscriptionId ? -1 : 1)
  );
}
