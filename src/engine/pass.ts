import type { StringColumn } from '../columns/column.js';
import type { Clock, Millis } from '../core/clock.js';
import type { Situation } from '../decisions/arbitrate.js';
import { type Decision, isOpen } from '../decisions/decision.js';
import { Tally } from '../decisions/tally.js';
import type { Scope } from '../features/population.js';
import { type FeatureBatch, readFeatures } from '../features/read-features.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import { encodeDecisions, encodeSuppressions, type SuppressionRow } from '../store/decision-log.js';
import { insertRows } from '../store/encoded-rows.js';
import { encodeRisks, type ScoredBatch } from '../store/risk-log.js';
import type { Store } from '../store/store.js';
import type { Definitions } from './definitions.js';
import { GatheredPast, type Past, readPast } from './past.js';
import { readAhead } from './read-ahead.js';
import { scoreBatch } from './score-batch.js';
import { verdictsOf } from './verdicts.js';

/** What a pass needs and what it tells while it works. */
export interface PassContext {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly clock: Clock;
  /** Called with each batch once its risks are stored. */
  readonly onScored?: (scored: ScoredBatch) => void;
  /** Called with new and changed decisions once they are stored. */
  readonly onDecided?: (changes: readonly Decision[]) => void;
  /** Asked before each page is scored and before anything is decided; throws when the accounts are somebody else's by then. */
  readonly mayGoOn?: (() => void) | undefined;
}

export interface PassSummary {
  readonly asOf: Millis;
  readonly subscriptions: number;
  readonly bands: Readonly<Record<Band, number>>;
  readonly opened: number;
  readonly closed: number;
  readonly suppressed: number;
}

/**
 * Scores the subscriptions in the given scopes as of a time, stores their risks, then decides and stores decisions.
 *
 * Deciding waits until all are scored: budgets and owners' loads are shared, and go to the most ARR at risk first, then by
 * account and subscription. So what is decided does not depend on how the subscriptions were cut into scopes. Running the
 * same pass again, also after it died half way, gives the same risks and the same decisions: only what was decided as of an
 * earlier time counts as history.
 *
 * That holds for the past too: a pass as of a time decides what would have been decided then, whatever was decided since.
 * Should that leave two offers open now, the next pass of the present ends the older one (see `arbitrate`).
 */
export async function runPass(
  context: PassContext,
  scopes: AsyncIterable<Scope> | Iterable<Scope>,
  asOf: Millis,
  knownAt?: Millis,
): Promise<PassSummary> {
  const { definitions, mayGoOn } = context;
  const bands: Record<Band, number> = { low: 0, medium: 0, high: 0, critical: 0, unknown: 0 };
  const situations: Situation[] = [];
  const past = new GatheredPast();
  let subscriptions = 0;
  // While a page is scored, the next one is read and the one before is written.
  let writing: Promise<void> = Promise.resolve();
  for await (const { decisions, answers, batches } of readAhead(pagesOf(context, scopes, asOf, knownAt))) {
    mayGoOn?.();
    past.add({ decisions, answers });
    const byAccount = new Tally(decisions);
    const running = new Set<string>();
    for (const features of batches) {
      for (const id of (features.batch.column('subscription_id') as StringColumn).dictionary) running.add(id);
      const result = scoreBatch(features, definitions, (account) => byAccount.ofAccount(account), asOf);
      for (const situation of result.situations) situations.push(situation);
      for (const band of result.scored.scores.band) bands[BANDS[band]!]++;
      subscriptions += features.batch.length;
      await writing;
      writing = writeRisks(context, result.scored, asOf);
      // A failed insert is reported where it is awaited, one batch later.
      writing.catch(() => {});
    }
    for (const decision of decisions.filter(isOpen))
      if (!running.has(decision.subscriptionId)) situations.push(ended(decision, definitions, asOf));
  }
  await writing;
  mayGoOn?.();
  const { changes, suppressed } = await decide(context, situations, past, asOf);
  return {
    asOf,
    subscriptions,
    bands,
    opened: changes.filter((decision) => decision.closedAt === null).length,
    closed: changes.filter((decision) => decision.closedAt !== null).length,
    suppressed: suppressed.length,
  };
}

/** What the store knows of one scope. */
interface Page extends Past {
  readonly batches: readonly FeatureBatch[];
}

async function* pagesOf(
  { store, definitions }: PassContext,
  scopes: AsyncIterable<Scope> | Iterable<Scope>,
  asOf: Millis,
  knownAt?: Millis,
): AsyncGenerator<Page> {
  for await (const scope of scopes) {
    const past = await readPast(store, scope, asOf);
    const question = { scope, asOf, ...(knownAt === undefined ? {} : { knownAt }) };
    const batches: FeatureBatch[] = [];
    for await (const batch of readFeatures(store, definitions.scoring.catalogue, question))
      batches.push(batch);
    yield { ...past, batches };
  }
}

/** A subscription that does not run any more: no rule fires for it, so that what is open ends. */
function ended(
  { accountId, subscriptionId, ...opened }: Decision,
  { plan, scoring }: Definitions,
  asOf: Millis,
): Situation {
  const { risk, band, currency, owner } = opened;
  return {
    accountId,
    subscriptionId,
    asOf,
    risk,
    band,
    arrMinor: null,
    arrAtRiskMinor: null,
    currency,
    owner,
    fired: [],
    guardrails: [],
    rulesRevision: plan.set.revision,
    scoringRevision: scoring.revision,
  };
}

async function writeRisks(
  { store, definitions, clock, onScored }: PassContext,
  scored: ScoredBatch,
  asOf: Millis,
): Promise<void> {
  await insertRows(store, encodeRisks(scored, definitions.scoring, asOf, clock()));
  onScored?.(scored);
}

async function decide(
  { store, definitions, clock, onDecided }: PassContext,
  situations: Situation[],
  past: Past,
  asOf: Millis,
): Promise<{ changes: readonly Decision[]; suppressed: readonly SuppressionRow[] }> {
  if (situations.length === 0) return { changes: [], suppressed: [] };
  const { changes, suppressed } = await verdictsOf(store, definitions.plan.set, situations, past, asOf);
  const computedAt = clock();
  await insertRows(store, encodeSuppressions(suppressed, computedAt));
  await insertRows(store, encodeDecisions(changes, computedAt));
  if (changes.length > 0) onDecided?.(changes);
  return { changes, suppressed };
}
