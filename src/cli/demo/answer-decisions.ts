import { DAY_MS, type Millis } from '../../core/clock.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { type Outcome, type OutcomeKind, UNKNOWN_OUTCOME } from '../../signals/subscription.js';
import { Random } from '../../simulate/random.js';
import type { Store } from '../../store/store.js';

/** What is open, and since when. */
interface OpenDecision {
  readonly decisionId: string;
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly kind: 'offer' | 'escalation' | 'touchpoint';
  readonly openedAt: Millis;
}

/** What happens to a decision, in days after it was opened. */
type Step = readonly [kind: OutcomeKind, days: number];

/** Decisions that wait for approval: those that a lead approves, and the others. */
export async function pendingDecisions(
  store: Store,
  seed: number,
): Promise<
  readonly { readonly accountId: string; readonly decisionId: string; readonly approved: boolean }[]
> {
  const pending = await store.rows<{ accountId: string; decisionId: string }>(
    "SELECT account_id AS accountId, decision_id AS decisionId FROM decisions WHERE status = 'pending_approval' ORDER BY decision_id",
  );
  return pending.map((decision) => ({
    ...decision,
    approved: new Random(seed, 0, `approval of ${decision.decisionId}`).chance(0.85),
  }));
}

/**
 * Stores what customers and colleagues do with decisions between two times: offers are shown and answered, escalations are taken
 * and resolved. Drawn for each decision alone, so that every run of the demo has the same answers.
 */
export async function answerDecisions(
  store: Store,
  { seed, from, to }: { readonly seed: number; readonly from: Millis; readonly to: Millis },
): Promise<void> {
  const open = await store.rows<OpenDecision>(
    `SELECT decision_id AS decisionId, account_id AS accountId, subscription_id AS subscriptionId, kind, toUnixTimestamp64Milli(opened_at) AS openedAt
     FROM decisions WHERE closed_at IS NULL AND status NOT IN ('pending_approval', 'held_out') ORDER BY decision_id`,
  );
  const outcomes = open.flatMap((decision) =>
    stepsOf(new Random(seed, 0, `answers to ${decision.decisionId}`), decision.kind)
      .map(([kind, days]) => ({ kind, at: decision.openedAt + Math.floor(days * DAY_MS) }))
      .filter(({ at }) => at > from && at <= to)
      .map(({ kind, at }) => outcomeOf(decision, kind, at)),
  );
  await writeBatch(
    store,
    outcomes.map((outcome, offset) => ({
      record: { kind: 'outcome', outcome },
      origin: { topic: 'demo', partition: -1, offset },
      receivedAt: outcome.occurredAt,
    })),
  );
}

function stepsOf(random: Random, kind: OpenDecision['kind']): readonly Step[] {
  const first = random.between(1.5, 5);
  const later = first + random.between(1, 14);
  const answer = random.uniform();
  const isSeen = random.chance(0.85);
  if (!isSeen) return [];
  switch (kind) {
    case 'offer':
      if (answer < 0.4)
        return [
          ['offer_presented', first],
          ['offer_accepted', later],
        ];
      if (answer < 0.7)
        return [
          ['offer_presented', first],
          ['offer_declined', later],
        ];
      return [['offer_presented', first]];
    case 'touchpoint':
      if (answer < 0.5)
        return [
          ['touchpoint_presented', first],
          ['touchpoint_responded', later],
        ];
      return [['touchpoint_presented', first]];
    case 'escalation':
      if (answer < 0.7)
        return [
          ['escalation_acknowledged', first],
          ['escalation_resolved', later],
        ];
      return [['escalation_acknowledged', first]];
  }
}

function outcomeOf(
  { decisionId, accountId, subscriptionId }: OpenDecision,
  kind: OutcomeKind,
  occurredAt: Millis,
): Outcome {
  return {
    source: 'demo-people',
    id: `${decisionId}-${kind}`,
    accountId,
    subscriptionId,
    kind,
    occurredAt,
    ...UNKNOWN_OUTCOME,
    decisionId,
  };
}
