import { valueAt } from '../columns/column.js';
import { compareTexts } from '../columns/text-order.js';
import { textReader } from '../columns/text-reader.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { subscriptionKey } from '../core/identity.js';
import { type ActionSummary, mergedSummaries, summaries } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import type { Scope } from '../features/population.js';
import { BANDS } from '../scoring/scorecard.js';
import type { ScoredBatch } from '../store/risk-rows.js';
import type { Overrides, Past, PastPage, PreviousRisk, PreviousRisks } from './past.js';
import type { Decided, Sink } from './sink.js';

/** Answers that history gave up to a time, to decisions of a scope; `decisions`: those that could be meant. */
export type AnswersOfHistory = (
  scope: Scope,
  until: Millis,
  decisions: readonly Decision[],
) => Promise<readonly Answer[]>;

/**
 * The past of a series of what-ifs, carried forward in memory: what one pass gives to its sink is the past of the next. It
 * begins with what was known before the first pass: nothing, or what another past says.
 */
export class MemoryPast implements Past, Sink {
  readonly #before: Past | undefined;
  readonly #answersOf: AnswersOfHistory;
  readonly #risks = new RememberedRisks();
  readonly #decisions = new Map<string, Map<string, Decision>>();
  /** Summaries of what had been decided before the first pass. */
  readonly #summaries = new Map<string, ActionSummary[]>();
  readonly #known = new Set<string>();
  #first: Millis | undefined;

  constructor(before?: Past, answersOf: AnswersOfHistory = async () => []) {
    this.#before = before;
    this.#answersOf = answersOf;
  }

  async page(scope: Scope, asOf: Millis): Promise<PastPage> {
    this.#first ??= asOf;
    // What had opened before the first pass is in the summaries of before.
    const openedAfter = Math.max(asOf - 365 * DAY_MS, this.#first - 1);
    const inScope = (accountId: string) =>
      scope.kind === 'accounts'
        ? scope.accounts.includes(accountId)
        : compareTexts(accountId, scope.first) >= 0 && compareTexts(accountId, scope.last) <= 0;
    const before = await this.#before?.page(scope, asOf);
    if (before !== undefined) await this.#takeOver(before, inScope);
    const mine = [...this.#decisions].filter(([accountId]) => inScope(accountId));
    const decisions = mine.flatMap(([, known]) => [...known.values()]);
    const answers = await this.#answersOf(scope, asOf, decisions);
    const answered = new Set(answers.map(({ decisionId }) => decisionId));
    const summariesOf = (accountId: string): ActionSummary[] =>
      mergedSummaries(
        this.#summaries.get(accountId) ?? [],
        summaries(this.#decisions.get(accountId)?.values() ?? [], openedAfter),
      );
    const accounts = new Set([
      ...mine.map(([accountId]) => accountId),
      ...[...this.#summaries.keys()].filter(inScope),
    ]);
    return {
      answers,
      restorations: new Map(),
      decisions: decisions.filter((decision) => isOpen(decision) || answered.has(decision.decisionId)),
      risks: this.#risks,
      overrides: before?.overrides ?? NO_OVERRIDES,
      actionFacts: [...accounts].flatMap(summariesOf),
      summariesOf,
    };
  }

  async scored(batches: readonly ScoredBatch[], asOf: Millis): Promise<void> {
    for (const batch of batches) this.#remember(batch, asOf);
  }

  async left(): Promise<void> {}

  async decided({ events }: Decided): Promise<void> {
    for (const { decision } of events)
      mapOf(this.#decisions, decision.accountId).set(decision.decisionId, decision);
  }

  async finish(): Promise<void> {}

  #remember({ batch, scores }: ScoredBatch, asOf: Millis): void {
    const account = textReader(batch, 'account_id');
    const subscription = textReader(batch, 'subscription_id');
    for (let row = 0; row < batch.length; row++) {
      const risk = {
        risk: valueAt(scores.risk, row) as number | null,
        band: BANDS[scores.band[row]!]!,
        asOf,
      };
      this.#risks.set(account(row), subscription(row), risk);
    }
  }

  /** Takes what was known before the first pass over accounts, once. */
  async #takeOver(page: PastPage, inScope: (accountId: string) => boolean): Promise<void> {
    const fresh = (accountId: string) => !this.#known.has(accountId) && inScope(accountId);
    const accounts = new Set<string>();
    for (let place = 0; place < page.risks.present; place++) {
      const { accountId, subscriptionId } = page.risks.subscriptionAt(place);
      if (!fresh(accountId)) continue;
      accounts.add(accountId);
      this.#risks.set(accountId, subscriptionId, page.risks.at(place));
    }
    for (const decision of page.decisions) {
      if (!fresh(decision.accountId)) continue;
      accounts.add(decision.accountId);
      mapOf(this.#decisions, decision.accountId).set(decision.decisionId, decision);
    }
    for (const { accountId } of page.actionFacts) {
      if (!fresh(accountId)) continue;
      accounts.add(accountId);
      this.#summaries.set(accountId, page.summariesOf(accountId));
    }
    for (const accountId of accounts) this.#known.add(accountId);
  }
}

const NO_OVERRIDES: Overrides = { size: 0, of: () => undefined };

/** The last risks that passes computed. None of them is of the present: who is not scored any more leaves nothing. */
class RememberedRisks implements PreviousRisks {
  readonly present = 0;
  readonly #places = new Map<string, number>();
  readonly #known: { accountId: string; subscriptionId: string; risk: PreviousRisk }[] = [];

  set(accountId: string, subscriptionId: string, risk: PreviousRisk): void {
    const place = this.placeOf(accountId, subscriptionId);
    if (place >= 0) this.#known[place]!.risk = risk;
    else
      this.#places.set(
        subscriptionKey(accountId, subscriptionId),
        this.#known.push({ accountId, subscriptionId, risk }) - 1,
      );
  }

  placeOf(accountId: string, subscriptionId: string): number {
    return this.#places.get(subscriptionKey(accountId, subscriptionId)) ?? -1;
  }

  at(place: number): PreviousRisk {
    return this.#known[place]!.risk;
  }

  subscriptionAt(place: number): { accountId: string; subscriptionId: string } {
    return this.#known[place]!;
  }
}

function mapOf<T>(maps: Map<string, Map<string, T>>, key: string): Map<string, T> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}
