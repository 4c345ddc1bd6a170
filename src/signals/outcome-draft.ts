import { LIMITS } from '../core/limits.js';
import { Fault } from './fault.js';
import {
  eventTime,
  inOrder,
  optionalBoolean,
  optionalCurrency,
  optionalDate,
  optionalId,
  optionalMinor,
  optionalText,
  requiredId,
} from './fields.js';
import type { ParseContext } from './parsed.js';
import { OUTCOME_KINDS, type Outcome, type OutcomeKind } from './subscription.js';

/** Members of an outcome beside identity, account, kind and time, by their names on the wire. */
export const OUTCOME_FIELDS = [
  'subscription_id',
  'arr_before_minor',
  'arr_after_minor',
  'currency',
  'term_start',
  'term_end',
  'reason',
  'voluntary',
  'decision_id',
] as const;
export type OutcomeField = (typeof OUTCOME_FIELDS)[number];

/** An outcome as some form spelt it: nothing checked yet. */
export interface OutcomeDraft {
  readonly id: unknown;
  readonly source: unknown;
  readonly accountId: unknown;
  readonly kind: unknown;
  readonly time: unknown;
  readonly fields: Readonly<Partial<Record<OutcomeField, unknown>>>;
}

const KIND_SET: ReadonlySet<unknown> = new Set(OUTCOME_KINDS);

/** Checks a draft and brings it into its one canonical shape. Throws a Fault. */
export function outcomeOf(draft: OutcomeDraft, context: ParseContext): Outcome {
  const { fields } = draft;
  if (!KIND_SET.has(draft.kind)) {
    throw new Fault('bad_type', 'kind', `The outcome must be one of ${OUTCOME_KINDS.join(', ')}.`);
  }
  const termStart = optionalDate(fields.term_start, 'term_start');
  const termEnd = optionalDate(fields.term_end, 'term_end');
  inOrder(['term_start', termStart], ['term_end', termEnd]);
  const accountId = requiredId(draft.accountId, 'account_id');
  return {
    source: requiredId(draft.source, 'source'),
    id: requiredId(draft.id, 'id'),
    accountId,
    subscriptionId: optionalId(fields.subscription_id, 'subscription_id') || accountId,
    kind: kindOf(draft.kind as OutcomeKind, termStart !== null || termEnd !== null),
    occurredAt: eventTime(draft.time, 'time', context.receivedAt),
    arrBeforeMinor: optionalMinor(fields.arr_before_minor, 'arr_before_minor'),
    arrAfterMinor: optionalMinor(fields.arr_after_minor, 'arr_after_minor'),
    currency: optionalCurrency(fields.currency, 'currency'),
    termStart,
    termEnd,
    reason: optionalText(fields.reason, 'reason', LIMITS.attributeValueBytes),
    voluntary: optionalBoolean(fields.voluntary, 'voluntary'),
    decisionId: optionalId(fields.decision_id, 'decision_id'),
  };
}

/**
 * How a term ended and how the value changed within one are two questions. An outcome that names the term says how that ended:
 * at whatever value, it was renewed.
 */
function kindOf(kind: OutcomeKind, ofTerm: boolean): OutcomeKind {
  return ofTerm && (kind === 'contracted' || kind === 'expanded') ? 'renewed' : kind;
}
