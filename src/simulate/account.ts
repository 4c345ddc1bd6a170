import { DAY_MS, type Millis } from '../core/clock.js';
import {
  ADD_ONS,
  CURRENCIES,
  HELPDESK_KNOWS_SUBSCRIPTION,
  MAX_TENURE_DAYS,
  MEAN_TENURE_DAYS,
  NEW_ACCOUNTS_PER_YEAR,
  PLANS,
  PRODUCTS,
  REGIONS,
  SEGMENT_MIX,
  SEGMENT_MODEL,
  type Segment,
  SUBSCRIPTIONS_PER_ACCOUNT,
  TIERS,
} from './model.js';
import type { Random } from './random.js';

/** The simulated time. */
export interface Period {
  readonly start: Millis;
  readonly end: Millis;
  readonly days: number;
}

/** What is fixed about an account. */
export interface Account {
  readonly index: number;
  readonly id: string;
  readonly segment: Segment;
  readonly region: keyof typeof REGIONS;
  readonly currency: string;
  readonly owner: string;
  readonly helpdeskKnowsSubscription: boolean;
  readonly contracts: readonly Contract[];
}

/** What is fixed about a subscription; seats and price at its start. */
export interface Contract {
  readonly id: string;
  readonly start: Millis;
  readonly product: string;
  readonly plan: string;
  readonly tier: string;
  readonly addOns: readonly string[];
  readonly planFeatures: number;
  readonly seats: number;
  readonly arrMinor: number;
  readonly termMonths: number;
  readonly billingMonths: number;
  readonly paysByCard: boolean;
  readonly autoRenew: boolean;
}

/** Draws the account with this index. Its ids depend on the index alone. */
export function drawAccount(random: Random, index: number, period: Period): Account {
  const number = String(index + 1).padStart(6, '0');
  const segment = random.weighted(SEGMENT_MIX);
  const region = random.weighted(REGIONS);
  const currency = random.weighted(CURRENCIES[region]);
  const owner = `csm-${segment}-${random.int(1, SEGMENT_MODEL[segment].owners)}`;
  const helpdeskKnowsSubscription = random.chance(HELPDESK_KNOWS_SUBSCRIPTION);
  const isNew = random.chance(Math.min(0.8, (NEW_ACCOUNTS_PER_YEAR * period.days) / 365));
  const since = isNew
    ? period.start + random.uniform() * period.days * DAY_MS
    : period.start - Math.min(MAX_TENURE_DAYS, 1 + random.exponential(MEAN_TENURE_DAYS)) * DAY_MS;
  const count = Number(random.weighted(SUBSCRIPTIONS_PER_ACCOUNT));
  const contracts: Contract[] = [];
  for (let i = 0; i < count; i++) {
    // A further product is bought later than the first, within the simulated time at the latest.
    const start = i === 0 ? since : since + random.uniform() * 0.8 * (period.end - since);
    contracts.push(
      drawContract(random, segment, `sub-${number}-${i + 1}`, PRODUCTS[i] ?? PRODUCTS[0], start),
    );
  }
  return {
    index,
    id: `acc-${number}`,
    segment,
    region,
    currency,
    owner,
    helpdeskKnowsSubscription,
    contracts,
  };
}

function drawContract(
  random: Random,
  segment: Segment,
  id: string,
  product: string,
  start: Millis,
): Contract {
  const model = SEGMENT_MODEL[segment];
  const plan = random.weighted(model.plans);
  const { features, seatPrice } = PLANS[plan] ?? { features: 10, seatPrice: 24_000 };
  const seats = Math.max(3, Math.round(random.lognormal(...model.seats)));
  const addOns = Object.entries(ADD_ONS).flatMap(([addOn, share]) => (random.chance(share) ? [addOn] : []));
  return {
    id,
    // Contracts begin at midnight UTC; only their renewals are computed in months from it.
    start: Math.floor(start / DAY_MS) * DAY_MS,
    product,
    plan,
    tier: random.weighted(TIERS),
    addOns,
    planFeatures: features,
    seats,
    arrMinor: Math.round((seats * seatPrice * random.between(0.75, 1)) / 100) * 100,
    termMonths: Number(random.weighted(model.termMonths)),
    billingMonths: Number(random.weighted(model.billingMonths)),
    paysByCard: random.chance(model.card),
    autoRenew: random.chance(model.autoRenew),
  };
}
