import type { Millis } from '../core/clock.js';

/** The part of the customer relationship a signal speaks of. */
export const CATEGORIES = ['usage', 'billing', 'support', 'marketing'] as const;
export type Category = (typeof CATEGORIES)[number];

/** Where a message came from, as far as the transport can tell. Empty and -1 where there is no such thing. */
export interface Origin {
  /** Kafka topic; for files the file's path, for gRPC "grpc". */
  readonly topic: string;
  /** Kafka partition; -1 elsewhere. */
  readonly partition: number;
  /** Kafka offset; for files the line, from 1. */
  readonly offset: number;
}

/** One immutable fact about an account. Its identity is (source, id). */
export interface Signal {
  readonly source: string;
  readonly id: string;
  readonly category: Category;
  /** Type within the category, such as "feature_used". */
  readonly type: string;
  readonly accountId: string;
  /** Empty: it holds for every subscription of the account. */
  readonly subscriptionId: string;
  readonly occurredAt: Millis;
  /** The type's main number; null where there is none. Finite. */
  readonly value: number | null;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Stable reason codes of refused messages. Adding one is fine; changing one breaks people's dashboards. */
export const REJECTION_REASONS = [
  'not_utf8',
  'not_json',
  'not_protobuf',
  'not_an_object',
  'too_large',
  'too_deep',
  'missing_field',
  'wrong_type',
  'too_long',
  'bad_category',
  'bad_type',
  'bad_time',
  'bad_number',
  'out_of_range',
  'bad_attributes',
  'unsupported_content_type',
  'unsupported_specversion',
  'bad_row',
  'bad_value',
  'unknown_field',
  'internal_error',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** A message that can't be read: why, where, and its raw bytes, so that it can be fed back after a fix. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** What is wrong and what to do, in one sentence. Of the message's values it holds numbers only: others may be personal. */
  readonly detail: string;
  /** Field at fault; empty when it is the message as a whole. */
  readonly field: string;
  /** The message's id where it could be read, else empty. */
  readonly id: string;
  readonly raw: Uint8Array;
  /** The headers it takes to read `raw` again: content type and CloudEvents attributes. Absent where there were none. */
  readonly headers?: Readonly<Record<string, string>>;
}
