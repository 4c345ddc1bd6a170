import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { exponentOf } from '../core/money.js';
import type { Date as DatePb } from '../gen/google/type/date_pb.js';
import type { RiskFilter as RiskFilterPb, RiskFilterSchema } from '../gen/perennial/v1/risk_service_pb.js';
import type { RiskFilter } from '../store/risk-list.js';
import type { StoredRisk } from '../store/risk-state.js';
import { BAND_NAMES, bandMessage, dateMessage } from './messages.js';
import { namesOf } from './request.js';
import { invalidFields } from './validate.js';

/** The filter of a request as the store takes it, the same for the same question however it is spelt. */
export function riskFilterOf(filter: RiskFilterPb | undefined): RiskFilter {
  if (filter === undefined) return {};
  const renewalFrom = dayOf('filter.renewal_from', filter.renewalFrom);
  const renewalTo = dayOf('filter.renewal_to', filter.renewalTo);
  const { minRisk, maxRisk, minArr } = filter;
  return {
    ...some('bands', namesOf('filter.bands', filter.bands, BAND_NAMES)),
    ...some('accountIds', filter.accountIds),
    ...some('segments', filter.segments),
    ...some('owners', filter.owners),
    ...some('products', filter.products),
    ...some('plans', filter.plans),
    ...(minRisk === undefined ? {} : { minRisk }),
    ...(maxRisk === undefined ? {} : { maxRisk }),
    ...(renewalFrom === undefined ? {} : { renewalFrom }),
    ...(renewalTo === undefined ? {} : { renewalTo }),
    ...(minArr === undefined ? {} : { minArr: amountOf(minArr) }),
  };
}

/** The same the other way: what a client sends for a filter. */
export function riskFilterMessage(filter: RiskFilter): MessageInitShape<typeof RiskFilterSchema> {
  const { bands = [], accountIds = [], segments = [], owners = [], products = [], plans = [] } = filter;
  const { minRisk, maxRisk, renewalFrom, renewalTo, minArr } = filter;
  return {
    bands: bands.map(bandMessage),
    accountIds: [...accountIds],
    segments: [...segments],
    owners: [...owners],
    products: [...products],
    plans: [...plans],
    ...(minRisk === undefined ? {} : { minRisk }),
    ...(maxRisk === undefined ? {} : { maxRisk }),
    ...(renewalFrom === undefined ? {} : { renewalFrom: dateMessage(renewalFrom) }),
    ...(renewalTo === undefined ? {} : { renewalTo: dateMessage(renewalTo) }),
    ...(minArr === undefined
      ? {}
      : { minArr: { currencyCode: minArr.currency, minorUnits: BigInt(minArr.minor) } }),
  };
}

/** Whether a risk is one of those that a filter means: what the store says of its rows, for one that is in memory. */
export function isRiskOf(filter: RiskFilter, risk: StoredRisk): boolean {
  const among = (values: readonly string[] | undefined, value: string) =>
    values === undefined || values.length === 0 || values.includes(value);
  const { minRisk, maxRisk, renewalFrom, renewalTo, minArr } = filter;
  const { renewal, arrMinor, risk: stated } = risk;
  return (
    among(filter.bands, risk.band) &&
    among(filter.accountIds, risk.accountId) &&
    among(filter.segments, risk.segment) &&
    among(filter.owners, risk.owner) &&
    among(filter.products, risk.product) &&
    among(filter.plans, risk.plan) &&
    (minRisk === undefined || (stated !== null && stated >= minRisk)) &&
    (maxRisk === undefined || (stated !== null && stated <= maxRisk)) &&
    (renewalFrom === undefined || (renewal !== null && renewal >= renewalFrom)) &&
    (renewalTo === undefined || (renewal !== null && renewal <= renewalTo)) &&
    (minArr === undefined ||
      (risk.currency === minArr.currency && arrMinor !== null && arrMinor >= minArr.minor))
  );
}

/** A field that is left out where there are no values; each value once, in an order of its own. */
function some<Name extends string, T extends string>(
  name: Name,
  values: readonly T[],
): Partial<Record<Name, readonly T[]>> {
  if (values.length === 0) return {};
  return { [name]: [...new Set(values)].sort() } as unknown as Record<Name, readonly T[]>;
}

function dayOf(field: string, date: DatePb | undefined): Millis | undefined {
  if (date === undefined) return undefined;
  const { year, month, day } = date;
  const time = Date.UTC(year, month - 1, day);
  const there = new Date(time);
  const exists =
    there.getUTCMonth() === month - 1 && there.getUTCDate() === day && there.getUTCFullYear() === year;
  if (exists && time >= LIMITS.earliestDate && time <= LIMITS.latestDate) return time;
  throw invalidFields([{ field, description: 'is not a whole date from the year 1900 to 2299' }]);
}

function amountOf({ currencyCode, minorUnits }: { currencyCode: string; minorUnits: bigint }) {
  if (exponentOf(currencyCode) === null)
    throw invalidFields([
      { field: 'filter.min_arr.currency_code', description: 'is not an ISO 4217 currency in capitals' },
    ]);
  if (minorUnits < 0n || minorUnits > BigInt(Number.MAX_SAFE_INTEGER))
    throw invalidFields([{ field: 'filter.min_arr.minor_units', description: 'is not 0 to 2^53 - 1' }]);
  return { currency: currencyCode, minor: Number(minorUnits) };
}
