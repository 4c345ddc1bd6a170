import { LRUCache } from 'lru-cache';
import type { StringColumn, Value } from '../columns/column.js';
import type { Clock, Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { Turns } from '../core/turns.js';
import type { Answer } from '../decisions/answer.js';
import type { Decision, DecisionEvent } from '../decisions/decision.js';
import type { Scoring } from '../scoring/load.js';
import {
  type ChangedRisk,
  readEventsSince,
  readRiskHistory,
  readRisksSince,
  type StoredEvent,
} from '../store/changes.js';
import { readAnswer } from '../store/decision-inbox.js';
import { type DecisionFilter, listDecisions } from '../store/decision-list.js';
import { readDecisions, readEventsOf, type SuppressionRow } from '../store/decision-log.js';
import {
  keepRiskList,
  listRisks,
  type RiskFilter,
  type RiskOrder,
  readRiskList,
} from '../store/risk-list.js';
import type { ScoredBatch } from '../store/risk-rows.js';
import { readLatestRisks, type StoredRisk, storedRiskAt } from '../store/risk-state.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { readAccountOf } from '../store/subscription-log.js';
import { listSuppressions, type SuppressionFilter } from '../store/suppression-list.js';
import type { Definitions } from './definitions.js';
import { explainChange, type RiskChange } from './explain-change.js';
import { type Explanation, explainRisk, factsOf } from './explain-risk.js';
import { type JustStored, LatestRisks, type LatestRisksOptions, SHARED_TTL_MS } from './latest-risks.js';
import { explainStoredRisk, type Risk, unknownSubscription } from './risk.js';
import { RiskReader } from './risk-reader.js';
import { ScoringRevisions } from './scoring-revisions.js';

/** Everything that can be asked: for the gRPC services and the command line alike. Read-only. */
export class Questions {
  readonly #store: Store;
  readonly #definitions: () => Definitions;
  readonly #clock: Clock;
  readonly #scorings: ScoringRevisions;

  /** Accounts of which there is no risk: a caller that asks in a loop asks the store once a second. */
  readonly #absentAccounts = new LRUCache<string, true>({ max: 10_000, ttl: 1_000 });
  /** Counts what was stored: an answer from before says nothing of what is absent now. */
  #stored = 0;

  readonly #latest: LatestRisks;

  constructor(
    store: Store,
    definitions: () => Definitions,
    clock: Clock,
    latestRisks: LatestRisksOptions = {},
  ) {
    this.#store = store;
    this.#definitions = definitions;
    this.#clock = clock;
    this.#scorings = new ScoringRevisions(store, () => definitions().scoring);
    const reader = new RiskReader((subscriptionIds) => readLatestRisks(store, subscriptionIds));
    this.#latest = new LatestRisks((subscriptionId) => reader.read(subscriptionId), {
      clock,
      ttlMs: store.shared ? SHARED_TTL_MS : null,
      ...latestRisks,
    });
  }

  /** The risk of a subscription: the latest, or as of a time, then computed anew. Throws `not_found`. */
  async risk(subscriptionId: string, asOf?: Millis, signal?: AbortSignal): Promise<Risk> {
    if (asOf !== undefined) return (await this.explain(subscriptionId, asOf, signal)).risk;
    return this.explained(await this.latest(subscriptionId));
  }

  /** The latest risk as the store holds it, and the same object for as long as it is the latest. Throws `not_found`. */
  async latest(subscriptionId: string): Promise<StoredRisk> {
    const stored = await this.#latest.get(subscriptionId);
    if (stored === undefined) throw unknownSubscription(subscriptionId);
    return stored;
  }

  /** The latest risk if it is in memory, without waiting. */
  latestInMemory(subscriptionId: string): StoredRisk | undefined {
    return this.#latest.known(subscriptionId);
  }

  /** When the store last answered, while it does not: what is in memory may be out of date since. Undefined: it answers. */
  get staleSince(): Millis | undefined {
    return this.#latest.staleSince;
  }

  /** To be called once these risks are stored, so that the next question sees them. */
  stored(scored: ScoredBatch, asOf: Millis): void {
    this.#stored++;
    this.#absentAccounts.clear();
    this.#latest.stored(justStored(scored, this.#definitions().scoring, asOf));
  }

  /** Keeps these risks in memory, for a caller that is about to ask for them. They are stored, and `stored` has been called. */
  hold(scored: ScoredBatch, asOf: Millis): void {
    this.#latest.hold(justStored(scored, this.#definitions().scoring, asOf));
  }

  /** To be called once these subscriptions are stored as gone. */
  left(subscriptions: readonly { readonly subscriptionId: string }[]): void {
    this.#latest.left(subscriptions.map(({ subscriptionId }) => subscriptionId));
  }

  /** The first latest risks of a filter, in an order; what is not known comes last. */
  async risks(
    filter: RiskFilter,
    limit: number,
    order?: RiskOrder,
    signal?: AbortSignal,
  ): Promise<readonly Risk[]> {
    const store = storeDuring(this.#store, signal);
    return this.#explained(await listRisks(store, this.#listed(filter, order), limit));
  }

  /** The highest risk among the subscriptions of an account. Throws `not_found`. */
  async mostAtRisk(accountId: string, signal?: AbortSignal): Promise<Risk> {
    if (this.#absentAccounts.has(accountId)) throw unknownAccount(accountId);
    const before = this.#stored;
    const [risk] = await this.risks({ accountIds: [accountId] }, 1, undefined, signal);
    if (risk !== undefined) return risk;
    if (this.#stored === before) this.#absentAccounts.set(accountId, true);
    throw unknownAccount(accountId);
  }

  /** Keeps the latest risks of a filter as they are now, under an id, so that all pages show the same. */
  keepRisks(listId: string, filter: RiskFilter, order?: RiskOrder, signal?: AbortSignal): Promise<void> {
    return keepRiskList(this.#store, listId, this.#listed(filter, order), signal);
  }

  /** So many risks of a kept list from a position on. Empty: the list is over, or no longer kept. */
  async keptRisks(
    listId: string,
    position: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<readonly Risk[]> {
    const store = storeDuring(this.#store, signal);
    return this.#explained(await readRiskList(store, listId, position, limit));
  }

  #listed(filter: RiskFilter, order: RiskOrder | undefined) {
    const { rates } = this.#definitions().plan.set.currencies;
    return { filter, rates, ...(order === undefined ? {} : { order }) };
  }

  #explained(stored: readonly StoredRisk[]): Promise<readonly Risk[]> {
    return new Turns().map(stored, (risk) => this.#explainedNow(risk) ?? this.explained(risk));
  }

  /** Without waiting, where the scoring that it was computed with is at hand. */
  #explainedNow(stored: StoredRisk): Risk | undefined {
    const known = this.#scorings.known(stored.scoringRevision);
    return known === undefined ? undefined : explainStoredRisk(stored, known);
  }

  /** Revision of the rule set that is active. */
  get rulesRevision(): string {
    return this.#definitions().plan.set.revision;
  }

  /** A decision as it stands now. Throws `not_found`. */
  async decision(decisionId: string, signal?: AbortSignal): Promise<Decision> {
    const [decision] = await readDecisions(storeDuring(this.#store, signal), [decisionId]);
    if (decision !== undefined) return decision;
    throw new PerennialError('not_found', `There is no decision ${decisionId}.`, {
      reason: 'DECISION_NOT_FOUND',
      subject: { type: 'decision', name: decisionId },
    });
  }

  /** Everything that happened to a decision, the earliest first. Throws `not_found`. */
  async decisionEvents(decisionId: string, signal?: AbortSignal): Promise<readonly DecisionEvent[]> {
    await this.decision(decisionId, signal);
    return readEventsOf(storeDuring(this.#store, signal), decisionId);
  }

  /** The answer that has come first under the id of this one. */
  answerGiven(answer: Answer, signal?: AbortSignal): Promise<Answer | undefined> {
    return readAnswer(storeDuring(this.#store, signal), answer);
  }

  /** What had fired and was suppressed, the newest first. */
  suppressions(filter: SuppressionFilter, signal?: AbortSignal): Promise<readonly SuppressionRow[]> {
    return listSuppressions(storeDuring(this.#store, signal), filter);
  }

  /** Decisions as they stand now, in the order asked for. */
  decisions(filter: DecisionFilter, signal?: AbortSignal): Promise<readonly Decision[]> {
    return listDecisions(storeDuring(this.#store, signal), filter);
  }

  /**
   * The risk as of a time (default: now), computed anew under the active files, and every rule: what a pass as of then sees.
   * Throws `not_found`.
   */
  explain(subscriptionId: string, asOf?: Millis, signal?: AbortSignal): Promise<Explanation> {
    return explainRisk(this.#store, this.#definitions(), this.#clock, { subscriptionId, asOf, signal });
  }

  /**
   * What made a risk another one than at an earlier time: `asOf` (default: now) under the active files, `since` under those by
   * which it was scored then. Throws `not_found` when the subscription did not run at both times.
   */
  async change(
    subscriptionId: string,
    since: Millis,
    asOf: Millis = this.#clock(),
    signal?: AbortSignal,
  ): Promise<RiskChange> {
    if (since >= asOf)
      throw new PerennialError('invalid_argument', 'A risk is compared with that of an earlier time.');
    const { scoring: after } = this.#definitions();
    const store = storeDuring(this.#store, signal, 'ask');
    const [scored] = await readRiskHistory(store, subscriptionId, { before: since + 1, limit: 1 });
    const before = scored === undefined ? after : await this.#scorings.of(scored.scoringRevision);
    const accountId = (await readAccountOf(store, subscriptionId)) ?? subscriptionId;
    const about = { accountId, subscriptionId, since, asOf };
    const change = await explainChange(store, { before, after }, about);
    if (change === undefined)
      throw new PerennialError(
        'not_found',
        `${subscriptionId} did not run at both times, as far as was known at the earlier one.`,
        {
          reason: 'NOT_COMPARABLE',
          subject: { type: 'subscription', name: subscriptionId },
          hint: 'History that was imported later was not known then, unless its mapping says `received: occurred`.',
        },
      );
    return change;
  }

  /** Earlier risks of a subscription, the newest first. Throws `not_found` when it has none at all. */
  async history(
    subscriptionId: string,
    range: { readonly from?: Millis; readonly before?: Millis; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<readonly Risk[]> {
    const store = storeDuring(this.#store, signal);
    const stored = await readRiskHistory(store, subscriptionId, range);
    if (stored.length > 0) return this.#explained(stored);
    const any = await readRiskHistory(store, subscriptionId, { limit: 1 });
    if (any.length === 0) throw unknownSubscription(subscriptionId);
    return [];
  }

  /** Present risks computed at a time or later, the earliest first. */
  risksSince(from: Millis, limit: number, offset: number): Promise<readonly ChangedRisk[]> {
    return readRisksSince(this.#store, from, limit, offset);
  }

  /** Events of decisions stored at a time or later, the earliest first. */
  eventsSince(from: Millis, limit: number, offset: number): Promise<readonly StoredEvent[]> {
    return readEventsSince(this.#store, from, limit, offset);
  }

  /** Every fact of a subscription as of a time (default: now), as rules see it. Throws `not_found`. */
  facts(subscriptionId: string, asOf?: Millis): Promise<Record<string, Value>> {
    return factsOf(this.#store, this.#definitions(), this.#clock, { subscriptionId, asOf });
  }

  /** A stored risk with its reasons, under the scoring it was computed with. */
  async explained(stored: StoredRisk): Promise<Risk> {
    return explainStoredRisk(stored, await this.#scorings.of(stored.scoringRevision));
  }
}

function* justStored(scored: ScoredBatch, scoring: Scoring, asOf: Millis): Generator<JustStored> {
  const { codes, dictionary } = scored.batch.column('subscription_id') as StringColumn;
  for (let row = 0; row < scored.batch.length; row++)
    yield {
      subscriptionId: dictionary[codes[row]!]!,
      asOf,
      risk: () => storedRiskAt(scored, scoring, asOf, row),
    };
}

function unknownAccount(accountId: string): PerennialError {
  return new PerennialError('not_found', `There is no account ${accountId} with a subscription that runs.`, {
    reason: 'ACCOUNT_NOT_FOUND',
    subject: { type: 'account', name: accountId },
    hint: 'Ids are case-sensitive. An account is scored once a signal or a subscription of it has arrived.',
  });
}
