import type { Millis } from '../core/clock.js';
import type { ActionSummary } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision } from '../decisions/decision.js';
import type { Restoration } from '../decisions/restoration.js';
import type { Scope } from '../features/population.js';
import type { EventType } from '../rules/event.js';
import type { RiskOverride } from '../scoring/override.js';
import type { Band } from '../scoring/scorecard.js';

/**
 * What a pass knows of the time before it: a port. Live, it is read from the tables of the present (`stored-past.ts`); in a
 * what-if over several times it is kept in memory and fed by the passes themselves (`memory-past.ts`).
 */
export interface Past {
  page(scope: Scope, asOf: Millis): Promise<PastPage>;
}

/** After a longer pause there is no band to hold on to, and no change to speak of. */
export const PREVIOUS_RISK_DAYS = 30;

export interface PreviousRisk {
  /** Null: the band was unknown. */
  readonly risk: number | null;
  readonly band: Band;
  readonly asOf: Millis;
}

/** What facts need of the decisions about one action of a subscription. */
export interface ActionFacts {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly kind: EventType;
  readonly openedAt: Millis;
  readonly openedLastYear: number;
}

/** The last risks of the subscriptions of a scope, each at a place of its own. */
export interface PreviousRisks {
  /** Subscriptions that have a risk in the present: the places below this number. */
  readonly present: number;
  /** -1: there is none. Cheapest for those who ask in the order of accounts and subscriptions. */
  placeOf(accountId: string, subscriptionId: string): number;
  at(place: number): PreviousRisk;
  subscriptionAt(place: number): { readonly accountId: string; readonly subscriptionId: string };
}

export interface Overrides {
  readonly size: number;
  of(accountId: string, subscriptionId: string): RiskOverride | undefined;
}

/** The past of the accounts of one scope. */
export interface PastPage {
  /** The last risks of subscriptions, however long ago. */
  readonly risks: PreviousRisks;
  /** What people said that risks are. */
  readonly overrides: Overrides;
  readonly actionFacts: Iterable<ActionFacts>;
  /** Everything that was ever decided for an account, by action. */
  summariesOf(accountId: string): ActionSummary[];
  /** Decisions that are open, and those that an answer waits for. */
  readonly decisions: readonly Decision[];
  /** Answers that have not been applied, and those that were taken back. */
  readonly answers: readonly Answer[];
  /** What decisions go back to whose answers were taken back, by decision. */
  readonly restorations: ReadonlyMap<string, Restoration>;
}
