import type { Millis } from '../core/clock.js';
import { currencyExponents, type Rates } from '../core/money.js';
import type { Band } from '../scoring/scorecard.js';
import { RISK_COLUMNS, STORED_RISK, type StoredRisk } from './risk-state.js';
import type { Store } from './store.js';

/** Which risks. Fields are joined by "and", the values of one by "or"; what is absent or empty does not filter. */
export interface RiskFilter {
  readonly bands?: readonly Band[];
  readonly accountIds?: readonly string[];
  readonly segments?: readonly string[];
  readonly owners?: readonly string[];
  readonly products?: readonly string[];
  readonly plans?: readonly string[];
  readonly minRisk?: number;
  readonly maxRisk?: number;
  /** Renewal dates, as their midnights in UTC; both ends count. */
  readonly renewalFrom?: Millis;
  readonly renewalTo?: Millis;
  /** Only in this currency, and at least so much. */
  readonly minArr?: { readonly currency: string; readonly minor: number };
}

export const RISK_ORDERS = [
  'risk desc',
  'risk',
  'arr_at_risk desc',
  'arr_at_risk',
  'renewal_date',
  'renewal_date desc',
] as const;
export type RiskOrder = (typeof RISK_ORDERS)[number];

export interface RiskQuery {
  readonly filter: RiskFilter;
  /** @default 'risk desc' */
  readonly order?: RiskOrder;
  /** What currencies are worth, for the order by ARR at risk; those without a rate come last. @default none */
  readonly rates?: Rates;
}

type Params = Record<string, unknown>;

/** The first risks of a list as they are now. What the order goes by and is not known comes last; equal ones by subscription. */
export async function listRisks(
  store: Store,
  query: RiskQuery,
  limit: number,
): Promise<readonly StoredRisk[]> {
  const { sql, params } = chosen(query);
  return store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM (${inFull(`${sql} LIMIT {limit:UInt32}`)}) AS l ${orderBy(query)}`,
    { ...params, limit },
    { lane: 'ask' },
  );
}

/** Keeps the whole list as it is now, under an id, for its pages. */
export async function keepRiskList(
  store: Store,
  listId: string,
  query: RiskQuery,
  signal?: AbortSignal,
): Promise<void> {
  const { sql, params } = chosen(query);
  await store.command(
    `INSERT INTO risk_list_log (list_id, position, ${RISK_COLUMNS.join(', ')})
     SELECT {list:String}, row_number() OVER (${orderBy(query)}) - 1, ${RISK_COLUMNS.join(', ')}
     FROM (${inFull(sql)}) AS l`,
    { ...params, list: listId },
    { lane: 'ask', signal },
  );
}

/** So many risks of a kept list from a position on. Empty: past the end, or the list is no longer kept. */
export async function readRiskList(
  store: Store,
  listId: string,
  position: number,
  limit: number,
): Promise<readonly StoredRisk[]> {
  return store.rows<StoredRisk>(
    `SELECT ${STORED_RISK} FROM risk_list_log AS l WHERE list_id = {list:String} AND position >= {position:UInt64}
     ORDER BY position LIMIT {limit:UInt32}`,
    { list: listId, position, limit },
    { lane: 'ask' },
  );
}

/** The contract fields that risks do not keep, of the subscriptions that a query names. */
function contracts(keys: string): string {
  return `SELECT account_id, subscription_id, product, plan, owner FROM subscription_log FINAL
    WHERE _ended = '' AND occurred_at <= now64(3)${keys} ORDER BY account_id, subscription_id, occurred_at DESC LIMIT 1 BY account_id, subscription_id`;
}

/** The whole rows of the subscriptions that a query chooses. */
function inFull(keys: string): string {
  const among = `(account_id, subscription_id) IN (${keys})`;
  return `SELECT r.*, c.product AS product, c.plan AS plan, c.owner AS owner
    FROM (SELECT * FROM risk_state FINAL WHERE ${among}) AS r
    LEFT JOIN (${contracts(` AND ${among}`)}) AS c ON c.account_id = r.account_id AND c.subscription_id = r.subscription_id
    WHERE NOT r.gone`;
}

/** The keys of the subscriptions of a query, in its order, without the arrays of their rows. */
function chosen(query: RiskQuery): { sql: string; params: Params } {
  const { filter } = query;
  const params: Params = {};
  const inner: string[] = [];
  const outer: string[] = ['NOT l.gone'];
  const among = (where: string[], name: string, values: readonly string[] | undefined, column: string) => {
    if (values === undefined || values.length === 0) return;
    where.push(`${column} IN {${name}:Array(String)}`);
    params[name] = values;
  };
  const bound = (name: string, type: string, value: unknown, sql: string) => {
    if (value === undefined) return;
    outer.push(sql.replace('?', `{${name}:${type}}`));
    params[name] = value;
  };
  among(inner, 'accounts', filter.accountIds, 'account_id');
  among(outer, 'bands', filter.bands, 'l.band');
  among(outer, 'segments', filter.segments, 'l.segment');
  among(outer, 'owners', filter.owners, 'c.owner');
  among(outer, 'products', filter.products, 'c.product');
  among(outer, 'plans', filter.plans, 'c.plan');
  const { minRisk, maxRisk, renewalFrom, renewalTo, minArr } = filter;
  bound('min_risk', 'Float64', minRisk, 'l.risk >= ?');
  bound('max_risk', 'Float64', maxRisk, 'l.risk <= ?');
  bound('renewal_from', 'Date32', day(renewalFrom), 'l.renewal >= ?');
  bound('renewal_to', 'Date32', day(renewalTo), 'l.renewal <= ?');
  bound('min_arr', 'Int64', minArr?.minor, 'l.arr_minor >= ?');
  bound('arr_currency', 'String', minArr?.currency, 'l.currency = ?');
  const joins = [filter.owners, filter.products, filter.plans].some((list) => (list ?? []).length > 0);
  const state = `SELECT account_id, subscription_id, risk, band, segment, renewal, arr_minor, arr_at_risk_minor, currency, gone
    FROM risk_state FINAL${inner.length === 0 ? '' : ` WHERE ${inner.join(' AND ')}`}`;
  const join = joins
    ? `LEFT JOIN (${contracts(inner.length === 0 ? '' : ` AND ${inner.join(' AND ')}`)}) AS c
       ON c.account_id = l.account_id AND c.subscription_id = l.subscription_id`
    : '';
  return {
    sql: `SELECT l.account_id, l.subscription_id FROM (${state}) AS l ${join} WHERE ${outer.join(' AND ')} ${orderBy(query)}`,
    params,
  };
}

function orderBy({ order = 'risk desc', rates = new Map() }: RiskQuery): string {
  const down = order.endsWith(' desc') ? 'DESC' : 'ASC';
  const ties = 'l.subscription_id, l.account_id';
  if (order.startsWith('risk')) return `ORDER BY l.risk IS NULL, l.risk ${down}, ${ties}`;
  if (order.startsWith('renewal_date')) return `ORDER BY l.renewal IS NULL, l.renewal ${down}, ${ties}`;
  const worth = inReportingCurrency(rates);
  return `ORDER BY ${worth} IS NULL, ${worth} ${down}, ${ties}`;
}

/** ARR at risk in the reporting currency; NULL where it, or the rate of its currency, is not known. */
function inReportingCurrency(rates: Rates): string {
  const exponents = currencyExponents();
  const known = [...rates].map(([code, rate]) => [code, rate / 10 ** (exponents.get(code) ?? 2)] as const);
  // Codes are three capital letters, which the rules folder has been checked for.
  const codes = known.map(([code]) => `'${code}'`).join(', ');
  const factors = known.map(([, factor]) => `toFloat64(${factor})`).join(', ');
  if (known.length === 0) return 'CAST(NULL AS Nullable(Float64))';
  return `(l.arr_at_risk_minor * transform(toString(l.currency), [${codes}], [${factors}], NULL))`;
}

function day(time: Millis | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 10);
}
