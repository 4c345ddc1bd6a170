import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { DecisionEvent } from '../decisions/decision.js';
import type { Band } from '../scoring/scorecard.js';
import type { Signal } from '../signals/signal.js';
import type { Outcome, Subscription } from '../signals/subscription.js';
import { type DecisionRow, eventOf, SELECT_EVENT } from './decision-table.js';
import { OUTCOMES } from './outcome-log.js';
import { SIGNALS } from './signal-log.js';
import type { Store } from './store.js';
import { SUBSCRIPTIONS } from './subscription-log.js';

/** What can happen to an account. Of events at one time, those of the first kind come first. */
export const CUSTOMER_EVENT_KINDS = ['band', 'decision', 'outcome', 'subscription', 'signal'] as const;
export type CustomerEventKind = (typeof CUSTOMER_EVENT_KINDS)[number];

/** A band that a subscription has had since a time. */
export interface BandChange {
  readonly subscriptionId: string;
  /** Null: it was scored for the first time. */
  readonly before: Band | null;
  readonly band: Band;
  /** Null: the band is unknown. */
  readonly risk: number | null;
}

type What =
  | { readonly kind: 'band'; readonly value: BandChange }
  | { readonly kind: 'decision'; readonly value: DecisionEvent }
  | { readonly kind: 'outcome'; readonly value: Outcome }
  | { readonly kind: 'subscription'; readonly value: Subscription }
  | { readonly kind: 'signal'; readonly value: Signal };

/** Where an event stands among those of its account: by time, then by kind, then by key. */
export interface EventPosition {
  readonly at: Millis;
  readonly kind: CustomerEventKind;
  /** What tells it from others of its kind at the same time. */
  readonly key: string;
}

/** Something that happened to an account. */
export type CustomerEvent = EventPosition & What;

export interface CustomerEventFilter {
  readonly accountId: string;
  /** What holds for the account as a whole stays. */
  readonly subscriptionId?: string;
  /** @default all */
  readonly kinds?: readonly CustomerEventKind[];
  readonly from?: Millis;
  readonly before?: Millis;
  /** Only what comes after this one in the order of the list. */
  readonly after?: EventPosition;
  readonly limit: number;
}

interface Source {
  /** Rows of the account, with the columns that `time`, `key` and `select` name. */
  readonly rows: string;
  readonly time: string;
  readonly key: string;
  readonly select: string;
  what(row: Record<string, unknown>): What;
}

const OF_ACCOUNT = 'account_id = {account:String}';
/** Source and id as one text, of which each pair has one. */
const BY_IDENTITY = "concat(toString(length(source)), ':', source, id)";

const SOURCES: Readonly<Record<CustomerEventKind, Source>> = {
  band: {
    rows: `SELECT * FROM (
      SELECT subscription_id, as_of, toString(band) AS band_now, risk, toString(lagInFrame(band) OVER (PARTITION BY subscription_id ORDER BY as_of)) AS band_before
      FROM (SELECT subscription_id, as_of, band, risk FROM risk_day_log FINAL WHERE ${OF_ACCOUNT} ORDER BY subscription_id, as_of LIMIT 1 BY subscription_id, as_of)
    ) WHERE band_now != band_before`,
    time: 'e.as_of',
    key: 'e.subscription_id',
    select: 'subscription_id AS subscriptionId, band_now AS band, band_before AS before, risk',
    what({ subscriptionId, band, before, risk }) {
      const value = { subscriptionId, band, before: before === '' ? null : before, risk } as BandChange;
      return { kind: 'band', value };
    },
  },
  decision: {
    rows: `SELECT * FROM decision_event_log FINAL WHERE ${OF_ACCOUNT}`,
    time: 'e.at',
    key: "concat(e.decision_id, ':', leftPad(toString(e.version), 10, '0'))",
    select: SELECT_EVENT.replaceAll(/\bd\./g, 'e.'),
    what: (row) => ({ kind: 'decision', value: eventOf(row as DecisionRow) }),
  },
  outcome: {
    rows: `SELECT * FROM outcomes WHERE ${OF_ACCOUNT}`,
    time: 'e.occurred_at',
    key: BY_IDENTITY,
    select: OUTCOMES.select,
    what: (row) => ({ kind: 'outcome', value: OUTCOMES.valueOf(row) }),
  },
  subscription: {
    rows: `SELECT * FROM subscription_history WHERE ${OF_ACCOUNT}`,
    time: 'e.occurred_at',
    key: 'e.subscription_id',
    select: SUBSCRIPTIONS.select,
    what: (row) => ({ kind: 'subscription', value: SUBSCRIPTIONS.valueOf(row) }),
  },
  signal: {
    rows: `SELECT * FROM signals WHERE ${OF_ACCOUNT}`,
    time: 'e.occurred_at',
    key: BY_IDENTITY,
    select: SIGNALS.select,
    what: (row) => ({ kind: 'signal', value: SIGNALS.valueOf(row) }),
  },
};

const TIME = "DateTime64(3, 'UTC')";

/** What happened to an account, the latest first. */
export async function listCustomerEvents(
  store: Store,
  filter: CustomerEventFilter,
): Promise<readonly CustomerEvent[]> {
  const kinds = filter.kinds === undefined || filter.kinds.length === 0 ? CUSTOMER_EVENT_KINDS : filter.kinds;
  const found = await Promise.all(
    CUSTOMER_EVENT_KINDS.filter((kind) => kinds.includes(kind)).map((kind) => listKind(store, kind, filter)),
  );
  // Those of one kind are in order already; kinds come in theirs, and sorting is stable.
  return found
    .flat()
    .sort((a, b) => b.at - a.at)
    .slice(0, filter.limit);
}

async function listKind(
  store: Store,
  kind: CustomerEventKind,
  { accountId, subscriptionId, from, before, after, limit }: CustomerEventFilter,
): Promise<readonly CustomerEvent[]> {
  const { rows, time, key, select, what } = SOURCES[kind];
  const where = [
    ...(subscriptionId === undefined
      ? []
      : [`e.subscription_id IN ({subscription:String}${kind === 'signal' ? ", ''" : ''})`]),
    ...(from === undefined ? [] : [`${time} >= {from:${TIME}}`]),
    ...(before === undefined ? [] : [`${time} < {before:${TIME}}`]),
    ...(after === undefined ? [] : [beyond(kind, after, time, key)]),
  ];
  const found = await store.rows<Record<string, unknown> & { eventAt: Millis; eventKey: string }>(
    `SELECT ${select}, toUnixTimestamp64Milli(${time}) AS eventAt, ${key} AS eventKey FROM (${rows}) AS e
     WHERE ${where.join(' AND ') || '1'} ORDER BY eventAt DESC, eventKey LIMIT {limit:UInt32}`,
    {
      account: accountId,
      limit,
      ...(subscriptionId === undefined ? {} : { subscription: subscriptionId }),
      ...(from === undefined ? {} : { from: dateTime64(from) }),
      ...(before === undefined ? {} : { before: dateTime64(before) }),
      ...(after === undefined ? {} : { after: dateTime64(after.at), after_key: after.key }),
    },
    { lane: 'ask' },
  );
  return found.map(({ eventAt, eventKey, ...row }) => ({ at: eventAt, key: eventKey, ...what(row) }));
}

/** The condition for events of a kind that come after a position. */
function beyond(kind: CustomerEventKind, after: EventPosition, time: string, key: string): string {
  const order = CUSTOMER_EVENT_KINDS.indexOf(kind) - CUSTOMER_EVENT_KINDS.indexOf(after.kind);
  const atOnce = order === 0 ? `${time} = {after:${TIME}} AND ${key} > {after_key:String}` : '';
  if (order > 0) return `${time} <= {after:${TIME}}`;
  return atOnce === '' ? `${time} < {after:${TIME}}` : `(${time} < {after:${TIME}} OR (${atOnce}))`;
}
