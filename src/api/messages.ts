import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { Millis } from '../core/clock.js';
import type { FeatureCategory } from '../features/catalogue.js';
import type { DateSchema } from '../gen/google/type/date_pb.js';
import { DecisionKind as DecisionKindPb } from '../gen/perennial/v1/decision_pb.js';
import type { MoneySchema } from '../gen/perennial/v1/money_pb.js';
import { Band as BandPb } from '../gen/perennial/v1/risk_pb.js';
import { Category as CategoryPb } from '../gen/perennial/v1/signal_pb.js';
import type { EventType } from '../rules/event.js';
import type { Band } from '../scoring/scorecard.js';

/** Values that messages of several services have in common. */

const BAND: Readonly<Record<Band, BandPb>> = {
  low: BandPb.LOW,
  medium: BandPb.MEDIUM,
  high: BandPb.HIGH,
  critical: BandPb.CRITICAL,
  unknown: BandPb.UNKNOWN,
};
/** Features of the contract itself belong to no category of signals. */
const CATEGORY: Readonly<Record<FeatureCategory, CategoryPb>> = {
  usage: CategoryPb.USAGE,
  billing: CategoryPb.BILLING,
  support: CategoryPb.SUPPORT,
  marketing: CategoryPb.MARKETING,
  contract: CategoryPb.UNSPECIFIED,
};
const KIND: Readonly<Record<EventType, DecisionKindPb>> = {
  offer: DecisionKindPb.OFFER,
  escalation: DecisionKindPb.ESCALATION,
  touchpoint: DecisionKindPb.TOUCHPOINT,
};
/** A band as the contract has it. */
export function bandMessage(band: Band): BandPb {
  return BAND[band];
}

export function kindMessage(kind: EventType): DecisionKindPb {
  return KIND[kind];
}

export function categoryMessage(category: FeatureCategory): CategoryPb {
  return CATEGORY[category];
}

/** Names by what they stand for. */
export function reversed<Name extends string, Value>(
  names: Readonly<Record<Name, Value>>,
): ReadonlyMap<Value, Name> {
  return new Map((Object.entries(names) as [Name, Value][]).map(([name, value]) => [value, name]));
}
export const BAND_NAMES = reversed(BAND);
export const CATEGORY_NAMES = reversed(CATEGORY);
export const KIND_NAMES = reversed(KIND);
export function timestamp(time: Millis): Timestamp {
  const seconds = Math.floor(time / 1_000);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: Math.floor(time - seconds * 1_000) * 1_000_000,
  });
}

/** The calendar date on which a time lies in UTC, where dates of contracts are kept as midnights. */
export function dateMessage(time: Millis): MessageInitShape<typeof DateSchema> {
  const date = new Date(time);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Null: the amount is not known. */
export function moneyMessage(
  minor: number | null,
  currency: string,
): MessageInitShape<typeof MoneySchema> | null {
  return minor === null ? null : { currencyCode: currency, minorUnits: BigInt(Math.round(minor)) };
}

/** A field that is left out where its value is not known. */
export function optional<Name extends string, Value>(
  name: Name,
  value: Value | null,
): { [_ in Name]?: NonNullable<Value> } {
  return (value === null ? {} : { [name]: value }) as { [_ in Name]?: NonNullable<Value> };
}
