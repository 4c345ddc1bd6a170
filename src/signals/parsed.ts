import type { Millis } from '../core/clock.js';
import type { SignalCatalogue } from './catalogue.js';
import type { RecordRetraction } from './retraction.js';
import type { Rejection, Signal } from './signal.js';
import type { Outcome, Subscription, Tombstone } from './subscription.js';

/** A record of one of the three kinds. */
export type ParsedRecord =
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'subscription'; readonly subscription: Subscription }
  | { readonly kind: 'outcome'; readonly outcome: Outcome };

/** What a message became. */
export type Parsed =
  | ParsedRecord
  | { readonly kind: 'tombstone'; readonly tombstone: Tombstone }
  | { readonly kind: 'retraction'; readonly retraction: RecordRetraction }
  | { readonly kind: 'rejection'; readonly rejection: Rejection };

/** The account of a record; undefined for a retraction, which is about another record, and for what could not be read. */
export function accountOf(record: Parsed): string | undefined {
  switch (record.kind) {
    case 'signal':
      return record.signal.accountId;
    case 'subscription':
      return record.subscription.accountId;
    case 'outcome':
      return record.outcome.accountId;
    case 'tombstone':
      return record.tombstone.accountId;
    case 'retraction':
    case 'rejection':
      return undefined;
  }
}

/** What reading a message depends on beside the message itself. */
export interface ParseContext {
  /** When the message arrived; its own time may lie at most a day later. */
  readonly receivedAt: Millis;
  /** Names the attribute that is a type's value. */
  readonly catalogue: SignalCatalogue;
}
