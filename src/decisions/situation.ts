import type { Millis } from '../core/clock.js';
import type { Currencies } from '../rules/currency-file.js';
import type { Guardrail, Rule, RuleSet } from '../rules/rule-set.js';
import type { Band } from '../scoring/scorecard.js';

/** A rule that fired for a subscription. */
export interface FiredRule {
  readonly rule: Rule;
  /** Its conditions as they were met, in words. Put together when they are asked for: of what opens, once. */
  readonly reasons: readonly string[];
}

/** Everything that decides what is opened for one subscription. */
export interface Situation {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
  readonly risk: number | null;
  readonly band: Band;
  readonly arrMinor: number | null;
  readonly arrAtRiskMinor: number | null;
  readonly currency: string;
  readonly owner: string;
  /** Highest priority first. */
  readonly fired: readonly FiredRule[];
  /** Those that apply to it, in the file's order. */
  readonly guardrails: readonly Guardrail[];
}

/** What a set of rule files says about deciding. */
export type DecisionRules = Pick<RuleSet, 'revision' | 'offers' | 'lives'> & {
  readonly currencies: Currencies;
  readonly scoringRevision: string;
};
