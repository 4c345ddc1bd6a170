import type { Parsed } from '../signals/parsed.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { keyHash } from '../store/record-hash.js';
import { SIGNALS } from '../store/signal-log.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';

/** Hash of the identity of a record, as the store knows it; undefined: it is none. */
export function keyOfRecord(record: Parsed): string | undefined {
  switch (record.kind) {
    case 'signal':
      return keyHash(SIGNALS.identityOf(record.signal));
    case 'subscription':
      return keyHash(SUBSCRIPTIONS.identityOf(record.subscription));
    case 'outcome':
      return keyHash(OUTCOMES.identityOf(record.outcome));
    default:
      return undefined;
  }
}
