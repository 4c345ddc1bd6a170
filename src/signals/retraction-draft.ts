import { LIMITS } from '../core/limits.js';
import { eventTime, optionalId, optionalText, requiredId } from './fields.js';
import type { ParseContext } from './parsed.js';
import type { RecordRetraction, RetractedRecord } from './retraction.js';

/** Members of a retraction beside its envelope, by their names on the wire. */
export const RETRACTION_FIELDS = ['retracts', 'subscription_id', 'reason'] as const;
export type RetractionField = (typeof RETRACTION_FIELDS)[number];

/** A retraction as some form spelt it: nothing checked yet. */
export interface RetractionDraft {
  readonly kind: RetractedRecord['kind'];
  readonly source: unknown;
  readonly accountId: unknown;
  readonly fields: Readonly<Partial<Record<RetractionField, unknown>>>;
}

/** Checks a draft. Throws a Fault. */
export function retractionOf(draft: RetractionDraft, context: ParseContext): RecordRetraction {
  const { kind, fields } = draft;
  const reason = optionalText(fields.reason, 'reason', LIMITS.attributeValueBytes);
  if (kind !== 'subscription') {
    const source = requiredId(draft.source, 'source');
    return {
      record: { kind, source, id: requiredId(fields.retracts, 'retracts') },
      reason,
    };
  }
  const accountId = requiredId(draft.accountId, 'account_id');
  const subscriptionId = optionalId(fields.subscription_id, 'subscription_id') || accountId;
  const occurredAt = eventTime(fields.retracts, 'retracts', context.receivedAt, LIMITS.futureContractMs);
  return { record: { kind, accountId, subscriptionId, occurredAt }, reason };
}
