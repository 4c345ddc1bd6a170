import { DAY_MS } from '../core/clock.js';

/**
 * Every parameter of the simulated subscription business, with its meaning and the reason for its value.
 * `docs/simulator.md` gives the formulae they stand in. The values are chosen to look like a B2B SaaS company, not
 * fitted to one: they are published so that anyone can say how hard the task is that a scorecard is judged on.
 */

/** What can drive a customer away. Each is a latent process of a subscription; nobody in the data sees it directly. */
export const CAUSES = ['value', 'price', 'payment', 'champion_loss', 'support_pain'] as const;
export type Cause = (typeof CAUSES)[number];

/** The causes, and growth, which is the same kind of process with the opposite meaning. */
export const PROCESSES = [...CAUSES, 'growth'] as const;
export type Process = (typeof PROCESSES)[number];

export const SEGMENTS = ['smb', 'mid_market', 'enterprise'] as const;
export type Segment = (typeof SEGMENTS)[number];

/** Default end of the simulated time: fixed, so that the same flags give the same bytes on any day. */
export const DEFAULT_END = Date.UTC(2026, 0, 1);

// ---------------------------------------------------------------------------------------------------------- accounts

/** Share of accounts by segment: many small ones, few large ones. */
export const SEGMENT_MIX: Record<Segment, number> = { smb: 0.6, mid_market: 0.29, enterprise: 0.11 };

/** Share of accounts that become customers within a simulated year; the others are there from its beginning. */
export const NEW_ACCOUNTS_PER_YEAR = 0.2;
/** Mean age in days of the subscriptions that are there at the beginning; exponential, at most eight years. */
export const MEAN_TENURE_DAYS = 730;
export const MAX_TENURE_DAYS = 2_900;
/** Share of accounts with one, two and three subscriptions. */
export const SUBSCRIPTIONS_PER_ACCOUNT = { '1': 0.8, '2': 0.16, '3': 0.04 };
/** Share of accounts whose helpdesk names the subscription on a ticket; the others' tickets hold for the account. */
export const HELPDESK_KNOWS_SUBSCRIPTION = 0.5;

export const REGIONS = { emea: 0.4, amer: 0.45, apac: 0.15 };
/** Working hours in UTC by region: first hour, and how many. They stay within one UTC day. */
export const WORKING_HOURS: Record<keyof typeof REGIONS, readonly [from: number, hours: number]> = {
  emea: [6.5, 11],
  amer: [13, 10.9],
  apac: [0.2, 10],
};
export const CURRENCIES: Record<keyof typeof REGIONS, Record<string, number>> = {
  emea: { EUR: 0.75, GBP: 0.25 },
  amer: { USD: 1 },
  apac: { USD: 0.8, AUD: 0.2 },
};

/** What differs between segments. */
export interface SegmentModel {
  /** Seats are lognormal: median and sigma. */
  readonly seats: readonly [median: number, sigma: number];
  readonly plans: Readonly<Record<string, number>>;
  /** Months of a term. */
  readonly termMonths: Readonly<Record<string, number>>;
  /** Months between invoices. */
  readonly billingMonths: Readonly<Record<string, number>>;
  /** Share paid by card; the rest pays invoices by transfer. Only cards fail and expire. */
  readonly card: number;
  readonly autoRenew: number;
  /** Days before renewal by which notice must be given. */
  readonly noticeDays: number;
  /** Days before the notice deadline within which the decision to leave falls; longer where committees decide. */
  readonly decisionDays: number;
  /** Hazard of a yearly renewal with no cause at work: closures, mergers, whims. exp(-0.06) = 94 % renew. */
  readonly baselineHazard: number;
  /** Core actions a working day of a customer at rest. Producers sample or aggregate them: these are signals, not clicks. */
  readonly coreActions: number;
  readonly sessions: number;
  readonly featureUses: number;
  /** Tickets opened in a month. */
  readonly tickets: number;
  /** Mean days between meetings with the customer. */
  readonly meetingEveryDays: number;
  /** Number of people looking after accounts of this segment. */
  readonly owners: number;
}

export const SEGMENT_MODEL: Record<Segment, SegmentModel> = {
  smb: {
    seats: [12, 0.7],
    plans: { starter: 0.55, team: 0.45 },
    termMonths: { '3': 0.1, '6': 0.12, '12': 0.78 },
    billingMonths: { '1': 0.65, '12': 0.35 },
    card: 0.85,
    autoRenew: 0.9,
    noticeDays: 14,
    decisionDays: 60,
    baselineHazard: 0.06,
    coreActions: 0.5,
    sessions: 0.15,
    featureUses: 0.2,
    tickets: 0.25,
    meetingEveryDays: 270,
    owners: 6,
  },
  mid_market: {
    seats: [80, 0.7],
    plans: { team: 0.5, business: 0.5 },
    termMonths: { '12': 0.9, '24': 0.1 },
    billingMonths: { '1': 0.3, '3': 0.3, '12': 0.4 },
    card: 0.35,
    autoRenew: 0.7,
    noticeDays: 30,
    decisionDays: 75,
    baselineHazard: 0.04,
    coreActions: 0.95,
    sessions: 0.3,
    featureUses: 0.35,
    tickets: 0.6,
    meetingEveryDays: 75,
    owners: 12,
  },
  enterprise: {
    seats: [500, 0.8],
    plans: { business: 0.35, enterprise: 0.65 },
    termMonths: { '12': 0.75, '24': 0.15, '36': 0.1 },
    billingMonths: { '3': 0.3, '12': 0.7 },
    card: 0.05,
    autoRenew: 0.4,
    noticeDays: 60,
    decisionDays: 90,
    baselineHazard: 0.025,
    coreActions: 1.9,
    sessions: 0.6,
    featureUses: 0.7,
    tickets: 1.5,
    meetingEveryDays: 30,
    owners: 10,
  },
};

/** Features in the plan, and the list price of a seat and year in minor units. */
export const PLANS: Readonly<Record<string, { readonly features: number; readonly seatPrice: number }>> = {
  starter: { features: 6, seatPrice: 12_000 },
  team: { features: 10, seatPrice: 24_000 },
  business: { features: 16, seatPrice: 42_000 },
  enterprise: { features: 24, seatPrice: 60_000 },
};
export const PRODUCTS = ['workspace', 'insights', 'automate'] as const;
export const TIERS = { standard: 0.6, plus: 0.3, premium: 0.1 };
export const ADD_ONS = { sso: 0.25, audit_log: 0.15, sandbox: 0.1 };
/** Share of terms that begin with a discount, its range in percent, and the months it lasts. */
export const DISCOUNT = { share: 0.25, pct: [5, 30], months: [3, 12] } as const;

// --------------------------------------------------------------------------------------------------- latent processes

/** When an episode of a process begins. */
export type Onset =
  /** At a constant rate: this many a year, by segment. */
  | { readonly kind: 'rate'; readonly perYear: Record<Segment, number> }
  /** Set off by the renewal itself: with this probability, so many days before it. */
  | {
      readonly kind: 'before_renewal';
      readonly probability: Record<Segment, number>;
      readonly days: readonly [least: number, most: number];
    };

export interface ProcessModel {
  readonly onset: Onset;
  /** Days until the intensity reaches 63 % of the episode's severity. */
  readonly rampDays: number;
  /** Share of episodes that end by themselves, and after how many days at the median. */
  readonly recovery: { readonly share: number; readonly medianDays: number };
  /** Hazard that full intensity through the whole decision window adds. 1.5: of 100 such customers 22 renew. */
  readonly hazard: number;
}

export const PROCESS_MODEL: Record<Process, ProcessModel> = {
  /** The product is used less and less: slow, common, the classic churn that usage shows early. */
  value: {
    onset: { kind: 'rate', perYear: { smb: 0.22, mid_market: 0.15, enterprise: 0.1 } },
    rampDays: 35,
    recovery: { share: 0.25, medianDays: 90 },
    hazard: 1.9,
  },
  /** A price rise is announced and taken badly: late and quick, hardly visible in usage. */
  price: {
    onset: {
      kind: 'before_renewal',
      probability: { smb: 0.12, mid_market: 0.11, enterprise: 0.09 },
      days: [60, 150],
    },
    rampDays: 10,
    recovery: { share: 0.15, medianDays: 60 },
    hazard: 1.3,
  },
  /** Money or the card is gone: failed payments, overdue invoices. The churn is not the customer's wish. */
  payment: {
    onset: { kind: 'rate', perYear: { smb: 0.14, mid_market: 0.06, enterprise: 0.03 } },
    rampDays: 12,
    recovery: { share: 0.4, medianDays: 45 },
    hazard: 1.4,
  },
  /** The person who wanted the product leaves. Holds for all subscriptions of the account. */
  champion_loss: {
    onset: { kind: 'rate', perYear: { smb: 0.06, mid_market: 0.12, enterprise: 0.15 } },
    rampDays: 30,
    recovery: { share: 0.5, medianDays: 120 },
    hazard: 1.2,
  },
  /** Defects, outages and slow answers. */
  support_pain: {
    onset: { kind: 'rate', perYear: { smb: 0.09, mid_market: 0.12, enterprise: 0.12 } },
    rampDays: 20,
    recovery: { share: 0.4, medianDays: 75 },
    hazard: 1.4,
  },
  /** The opposite: more people use it for more. Lowers the baseline hazard, see GROWTH_PROTECTION. */
  growth: {
    onset: { kind: 'rate', perYear: { smb: 0.25, mid_market: 0.3, enterprise: 0.35 } },
    rampDays: 45,
    recovery: { share: 0.2, medianDays: 150 },
    hazard: 0,
  },
};

/** Severity of an episode: uniform. Mild ones are common in life and keep the causes from being separable. */
export const SEVERITY: readonly [least: number, most: number] = [0.35, 1];
/** Days until the intensity has fallen to 37 % after an episode's end. */
export const DECAY_DAYS = 21;
/** The baseline hazard is multiplied by exp(-this * growth). */
export const GROWTH_PROTECTION = 1.2;
/** The customer who comes within this share of leaving, and stays, says so and takes it back. */
export const NEAR_MISS = 0.8;

/** What a renewal that happens does to seats: P(fewer) = least + by * hazard of the causes; P(more) = least + by * growth. */
export const CONTRACTION = { least: 0.03, by: 0.3, most: 0.5, seats: [0.1, 0.4] } as const;
export const EXPANSION = { least: 0.06, by: 0.5, most: 0.6, seats: [0.08, 0.4] } as const;
/** Chance that growth buys seats within the term, and days after its onset. */
export const MIDTERM_EXPANSION = { share: 0.45, days: 60, seats: [0.08, 0.3] } as const;
/** Price rise at renewal in percent. The ranges overlap: some resent a small rise, and others take a large one. */
export const UPLIFT = { usual: [0, 11], resented: [6, 20] } as const;

// ------------------------------------------------------------------------------------------------------------ signals

/**
 * How the processes move the rates: rate = base * season * noise * exp(sum of effect * intensity).
 * -1.8 at full intensity leaves 17 % of the rate; 1.5 makes it 4.5 times as high. What is not named is not moved.
 */
export const RATE_EFFECTS = {
  core_actions: { value: -1.8, champion_loss: -0.5, support_pain: -0.3, growth: 0.5 },
  sessions: { value: -1.3, champion_loss: -0.4, support_pain: -0.2, growth: 0.4 },
  /** Share of the plan's features that are used. */
  breadth: { value: -1, champion_loss: -0.3, growth: 0.3 },
  /** Share of seats that are used. */
  active_users: { value: -1, champion_loss: -0.35, growth: 0.25 },
  errors: { support_pain: 1.6 },
  data_exports: { value: 0.6, price: 0.6 },
  tickets: { support_pain: 1.5, value: -0.3, growth: 0.2 },
  severe_tickets: { support_pain: 0.8 },
  reopenings: { support_pain: 1.2 },
  resolution_time: { support_pain: 0.9 },
  payment_failures: { payment: 3.3 },
  payment_delay: { payment: 1.5, price: 0.2 },
  email_opens: { value: -0.6, champion_loss: -0.8 },
  email_clicks: { value: -0.8, champion_loss: -0.9, price: -0.2 },
  meetings_missed: { champion_loss: 1.4, value: 1 },
  sponsor_present: { champion_loss: -1.6, value: -0.5 },
  competitor_mentions: { price: 2, value: 1.2, support_pain: 0.8 },
  pricing_pages: { price: 1.8, value: 0.6, growth: 0.5 },
  cancel_questions: { price: 1.6, value: 1, support_pain: 1 },
  quote_views: { value: -0.6, champion_loss: -0.9, growth: 0.2 },
  trainings: { value: -0.8, champion_loss: -0.5, growth: 0.6 },
} as const satisfies Record<string, Partial<Record<Process, number>>>;
export type RateChannel = keyof typeof RATE_EFFECTS;

/** How the processes move the mean of an answer, in the answer's own unit. */
export const SCORE_EFFECTS = {
  /** 1 to 5. */
  csat: { support_pain: -1.6, value: -0.4 },
  /** -1 to 1. */
  sentiment: { support_pain: -0.6, price: -0.25, value: -0.2, champion_loss: -0.1, growth: 0.1 },
  /** 0 to 10. */
  nps: { value: -2.5, price: -2, support_pain: -2.2, champion_loss: -1, payment: -0.3, growth: 0.8 },
} as const satisfies Record<string, Partial<Record<Process, number>>>;
export type ScoreChannel = keyof typeof SCORE_EFFECTS;

/** Mean and standard deviation of an answer with nothing at work. */
export const SCORES: Record<ScoreChannel, readonly [mean: number, deviation: number]> = {
  csat: [4.3, 0.8],
  sentiment: [0.25, 0.3],
  nps: [7.8, 1.7],
};

/** Use by day of the week, Sunday first: business software rests at the weekend. */
export const WEEKDAYS: readonly number[] = [0.15, 1.1, 1.2, 1.2, 1.15, 0.95, 0.2];
/** Use by month, January first: summer holidays and the end of the year. */
export const MONTHS: readonly number[] = [
  0.98, 1.03, 1.05, 1.02, 1, 0.98, 0.88, 0.82, 1.03, 1.07, 1.06, 0.92,
];
/** Use between Christmas and New Year, on top. */
export const YEAR_END = { from: '12-24', to: '01-02', factor: 0.45 };
/** Customers differ: sigma of the logarithm of a customer's own level of use. */
export const LEVEL_SIGMA = 0.45;
/** And no customer is steady: a slow random walk around that level: day-to-day correlation, and sigma. */
export const WANDER = { correlation: 0.97, sigma: 0.25 };
/** Days until a new customer uses the product at 63 % of its level. */
export const RAMP_UP_DAYS = 25;
/** Share of seats that are used and share of features that are used, at rest: mean and deviation between customers. */
export const SEAT_USE: readonly [mean: number, deviation: number] = [0.68, 0.14];
export const FEATURE_USE: readonly [mean: number, deviation: number] = [0.6, 0.15];

/** Events a day of a subscription in use, at rest. */
export const USAGE_RATES = {
  error_experienced: 0.01,
  data_exported: 0.004,
  integration_changed: 0.003,
  admin_changed: 0.006,
};
/** Onboarding: steps, mean days for one, and the share that is skipped. */
export const ONBOARDING = { steps: 5, meanDays: 4, skipped: 0.08 };
/** Milestones of use: mean days after the start, and the share of customers that ever reach them. */
export const MILESTONES = [
  { key: 'first_project', firstValue: true, meanDays: 12, share: 0.95 },
  { key: 'team_invited', firstValue: false, meanDays: 25, share: 0.85 },
  { key: 'first_integration', firstValue: false, meanDays: 45, share: 0.7 },
  { key: 'hundred_projects', firstValue: false, meanDays: 150, share: 0.5 },
] as const;
/** Past events of customers that were there before are sent at the beginning, when they are at most this old. */
export const BACKFILL_DAYS = 365;

export const BILLING = {
  /** Chance that a card is refused, and the same for an expired one. */
  cardFailure: 0.025,
  expiredFailure: 0.75,
  /** Days after the first attempt at which a refused card is tried again. */
  retryDays: [3, 7, 14, 21],
  /** Chance that a retry works with nothing at work, divided by the effect on payment_failures. */
  retryWorks: 0.65,
  /** Yearly invoices go out so many days ahead of the year they are for. */
  yearlyLeadDays: 30,
  /** Days to pay: by card at once, by transfer this many. */
  transferDueDays: 21,
  /** Transfers arrive this many days after the invoice at the median, with this sigma of the logarithm. */
  transferDays: [14, 0.35],
  /** Days past due on which billing says so. */
  overdueDays: [1, 7, 15, 30, 45, 60],
  /** Days past due from which the subscription's status is past_due. */
  pastDueAfter: 7,
  /** Days before a card's expiry on which billing warns, and the chance that the customer then puts in a new one. */
  expiryWarningDays: [45, 14],
  cardUpdated: 0.65,
  /** A card lasts this many months. */
  cardMonths: 36,
  refundsPerYear: 0.05,
  disputesPerYear: 0.01,
  /** Days before renewal at which the quote goes out. */
  quoteDays: [60, 100],
  /** Chance that it is looked at. */
  quoteViewed: 0.75,
  /** Share of renewals without the price cause whose price change is announced nevertheless. */
  priceAnnounced: 0.35,
} as const;

export const SUPPORT = {
  severities: { low: 0.3, normal: 0.5, high: 0.15, urgent: 0.05 },
  topics: { how_to: 0.35, defect: 0.3, billing: 0.15, integration: 0.12, performance: 0.08 },
  /** Median hours to solve, sigma of the logarithm, and hours the service level allows. */
  resolutionHours: { low: 40, normal: 22, high: 10, urgent: 4 },
  resolutionSigma: 0.7,
  slaHours: { low: 96, normal: 48, high: 24, urgent: 8 },
  reopened: 0.07,
  csatAnswered: 0.35,
  sentimentScored: 0.6,
  cancelQuestionsPerYear: 0.05,
} as const;

export const MARKETING = {
  /** Emails to an account in a week; share opened, clicked of opened, bounced, unsubscribed of opened. */
  emailsPerWeek: 0.9,
  opened: 0.4,
  clicked: 0.3,
  bounced: 0.01,
  unsubscribed: 0.003,
  /** Days between surveys, and the share answered. */
  surveyDays: 91,
  surveyAnswered: 0.3,
  meetingMissed: 0.1,
  sponsorPresent: 0.55,
  /** Chance that the data shows the champion's leaving, and within how many days. */
  championSeen: 0.85,
  championSeenDays: 12,
  /** Other contacts coming and going, a year. */
  contactsPerYear: 0.6,
  trainingsPerYear: 0.5,
  competitorMentionsPerYear: 0.08,
  pricingPagesPerYear: 0.4,
} as const;

/** What a customer who has decided to leave, and does so willingly, shows: chance of each. */
export const LEAVING = {
  cancelIntent: 0.5,
  autoRenewDisabled: 0.65,
  dataExported: 0.45,
  cancelPage: 0.6,
  cancelQuestion: 0.3,
};

// ------------------------------------------------------------------------------------------------------------ arrival

/** How signals reach Perennial: most within two minutes, some late, some twice. */
export const ARRIVAL = {
  promptMs: 120_000,
  /** Share that is late: lognormal hours, median and sigma, at most ten days. */
  late: { share: 0.03, medianHours: 10, sigma: 1.2, mostDays: 10 },
  /** Share that is sent again with the same source and id, and mean hours until then. */
  duplicate: { share: 0.01, meanHours: 6 },
} as const;

/** Late, as docs and tests count it: received more than this after it occurred. */
export const LATE_AFTER_MS = DAY_MS / 24;
