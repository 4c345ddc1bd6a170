import { DAY_MS } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import { CONTRACT_FIELDS, contractFieldSql } from '../contract-fields.js';
import { InTwoSteps, inOneStep } from '../measures/aggregates.js';
import { itemColumns, itemSql } from '../measures/item-sql.js';
import {
  attributesRead,
  contractRead,
  itemOf,
  type Measure,
  readsValue,
  typesRead,
} from '../measures/measure.js';
import { conditionSql, measureSql, type SignalRows } from '../measures/measure-sql.js';
import { typesSql, union } from '../signal-types.js';
import { type Branch, reachOf } from './branches.js';
import type { Subscriptions } from './subscriptions.js';

/** The measures of a branch: a row a subscription that has such signals, with `n`, its number, and a column a measure. */
export function branchSql(branch: Branch, subscriptions: Subscriptions): string {
  const attributes = [...new Set(branch.measures.flatMap((measure) => [...attributesRead(measure)]))].sort();
  const rows: SignalRows = {
    types: branch.types,
    withinDays: branch.withinDays,
    attribute: (name) => `a${attributes.indexOf(name)}`,
    contract: contractFieldSql,
    aggregate: inOneStep,
  };
  const from = namedSql(branch, subscriptions);
  const source = rowsSql(branch, subscriptions, attributes, rows);
  if (branch.items.length === 0) {
    const columns = branch.measures.map((measure) => `${measureSql(measure, rows)} AS ${measure.name}`);
    return `${from}SELECT ${['p.sub_no AS n', ...columns].join(',\n    ')}\n  FROM ${source}\n  GROUP BY n`;
  }
  const steps = new InTwoSteps();
  const columns = branch.measures.map(
    (measure) => `${measureSql(measure, { ...rows, aggregate: steps.aggregate })} AS ${measure.name}`,
  );
  const first = [...branch.items.flatMap((kind) => itemColumns(kind, rows)), ...steps.columns()];
  const onlyItems = branch.measures.every((measure) => itemOf(measure) !== null);
  return `SELECT ${['n', ...columns].join(',\n    ')}\n  FROM (
    ${from}SELECT ${['p.sub_no AS n', `${itemSql(branch.items, rows)} AS item`, ...first].join(', ')}
    FROM ${source}${onlyItems ? " AND item != ''" : ''}
    GROUP BY n, item
  )\n  GROUP BY n`;
}

const isSql = ({ definition }: Measure) => definition.op === 'sql';

/** The age where each row has a time of its own, and what measures in SQL see beside the columns of signals. */
function namedSql({ measures }: Branch, { asOfMs }: Subscriptions): string {
  const named = [
    ...(asOfMs === null ? ['p.as_of_ms - s.at AS age'] : []),
    ...(measures.some(isSql)
      ? [`age / ${DAY_MS} AS age_days`, "fromUnixTimestamp64Milli(at + age, 'UTC') AS as_of"]
      : []),
  ];
  return named.length === 0 ? '' : `WITH ${named.join(', ')} `;
}

/** Signals joined to the subscriptions they speak of, up to and with a WHERE. */
function rowsSql(
  branch: Branch,
  subscriptions: Subscriptions,
  attributes: readonly string[],
  rows: SignalRows,
): string {
  const { measures, types, withinDays } = branch;
  const { held, asOfMs, hint } = subscriptions;
  const constant = asOfMs !== null;
  const inSql = measures.find(isSql);
  const columns = [
    'account_id',
    'subscription_id',
    'type',
    ...(types.categories.length > 0 || inSql !== undefined ? ['category'] : []),
    ...(measures.some(readsValue) || inSql !== undefined ? ['value'] : []),
    ...(inSql === undefined ? [] : ['attributes', 'occurred_at']),
    'toUnixTimestamp64Milli(occurred_at) AS at',
    ...(constant ? [`${asOfMs} - at AS age`] : ['received_at', '_until']),
    ...attributes.map((name, i) => `attributes[${quoteText(name)}] AS a${i}`),
  ];
  const fields = [...new Set(measures.flatMap((measure) => [...contractRead(measure)]))].filter((name) =>
    CONTRACT_FIELDS.has(name),
  );
  // What is asked for by its own text can't be filtered there.
  const own = inSql === undefined ? null : conditionSql(inSql, rows, inSql.of, []);
  const afterJoin = [
    "(s.subscription_id = '' OR s.subscription_id = p.subscription_id OR p.implicit)",
    ...(constant ? [] : ['age >= 0', ...(withinDays === null ? [] : [`age < ${withinDays * DAY_MS}`]), held]),
    ...(own === null ? [] : [own]),
  ];
  return `(
    SELECT ${columns.join(', ')}
    FROM signal_log FINAL
    PREWHERE ${inKeySql(branch, subscriptions)}
    WHERE ${[hint, ...(constant ? [held] : [])].join(' AND ')}
  ) AS s
  INNER JOIN (${subscriptions.narrow(fields)}) AS p ON s.account_id = p.account_id
  WHERE ${afterJoin.join(' AND ')}`;
}

/** All of the sorting key, and so the same for every version of a signal: what need not be read at all. */
export function inKeySql(
  { measures, types, withinDays }: Branch,
  { earliest, latest }: Subscriptions,
): string {
  const since = (days: number) => `occurred_at > ${earliest} - toIntervalDay(${days})`;
  const upTo = `${typesSql(types)} AND occurred_at <= ${latest}`;
  if (withinDays !== null) return `${upTo} AND ${since(withinDays)}`;
  // Beyond the windows of the others only those count that look back without end.
  const endless = measures.filter((measure) => reachOf(measure) === null);
  const windows = measures.map(reachOf).filter((days) => days !== null);
  if (windows.length === 0) return upTo;
  return `${upTo} AND (${since(Math.max(...windows))} OR ${typesSql(union(endless.map(typesRead)))})`;
}
