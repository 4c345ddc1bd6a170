import { DAY_MS } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import { CONTRACT_FIELDS, contractFieldSql } from '../contract-fields.js';
import { attributesRead, contractRead, itemOf, readsValue } from '../measures/measure.js';
import { conditionSql, itemsSql, measureSql, type SignalRows } from '../measures/measure-sql.js';
import { typesSql } from '../signal-types.js';
import type { Branch } from './branches.js';
import type { Subscriptions } from './subscriptions.js';

/** The measures of a branch: a row a subscription that has such signals, with `n`, its number, and a column a measure. */
export function branchSql(branch: Branch, subscriptions: Subscriptions): string {
  const attributes = [...new Set(branch.measures.flatMap((measure) => [...attributesRead(measure)]))].sort();
  const rows: SignalRows = {
    types: branch.types,
    withinDays: branch.withinDays,
    attribute: (name) => `a${attributes.indexOf(name)}`,
    contract: contractFieldSql,
  };
  const source = rowsSql(branch, subscriptions, attributes);
  const age = withAge(branch, subscriptions);
  const columns = branch.measures.map((measure) => `${measureSql(measure, rows)} AS ${measure.name}`);
  if (branch.form !== 'items') {
    const own =
      branch.form === 'sql' ? conditionSql(branch.measures[0]!, rows, branch.measures[0]!.of, []) : null;
    return `${age}SELECT ${['p.sub_no AS n', ...columns].join(',\n    ')}\n  FROM ${source}${own === null ? '' : ` AND ${own}`}\n  GROUP BY p.sub_no`;
  }
  // All of the branch agree on what an item is and when it is open.
  const item = rows.attribute(itemOf(branch.measures[0]!)!);
  return `SELECT ${['n', ...columns].join(', ')}\n  FROM (
    ${age}SELECT p.sub_no AS n, ${item} AS item, ${itemsSql(branch.measures, rows)}
    FROM ${source} AND ${item} != ''
    GROUP BY n, item
  )\n  GROUP BY n`;
}

/** The age where each row has a time of its own, and what expressions in SQL see beside the columns of signals. */
function withAge({ form }: Branch, { asOfMs }: Subscriptions): string {
  const named = [
    ...(asOfMs === null ? ['p.as_of_ms - s.at AS age'] : []),
    ...(form === 'sql'
      ? [`age / ${DAY_MS} AS age_days`, "fromUnixTimestamp64Milli(at + age, 'UTC') AS as_of"]
      : []),
  ];
  return named.length === 0 ? '' : `WITH ${named.join(', ')} `;
}

/** Signals joined to the subscriptions they speak of, up to and with a WHERE. */
function rowsSql(
  { form, types, withinDays, measures }: Branch,
  subscriptions: Subscriptions,
  attributes: readonly string[],
): string {
  const { scope, earliest, latest, held, asOfMs } = subscriptions;
  const constant = asOfMs !== null;
  const columns = [
    'account_id',
    'subscription_id',
    'type',
    ...(types.categories.length > 0 || form === 'sql' ? ['category'] : []),
    ...(measures.some(readsValue) || form === 'sql' ? ['value'] : []),
    ...(form === 'sql' ? ['attributes', 'occurred_at'] : []),
    'toUnixTimestamp64Milli(occurred_at) AS at',
    ...(constant ? [`${asOfMs} - at AS age`] : ['received_at', '_until']),
    ...attributes.map((name, i) => `attributes[${quoteText(name)}] AS a${i}`),
  ];
  const inScan = [
    scope,
    typesSql(types),
    `occurred_at <= ${latest}`,
    ...(withinDays === null ? [] : [`occurred_at > ${earliest} - toIntervalDay(${withinDays})`]),
    ...(constant ? [held] : []),
  ];
  const fields = [...new Set(measures.flatMap((measure) => [...contractRead(measure)]))].filter((name) =>
    CONTRACT_FIELDS.has(name),
  );
  const afterJoin = [
    "(s.subscription_id = '' OR s.subscription_id = p.subscription_id OR p.implicit)",
    ...(constant ? [] : ['age >= 0', ...(withinDays === null ? [] : [`age < ${withinDays * DAY_MS}`]), held]),
  ];
  return `(
    SELECT ${columns.join(', ')}
    FROM signal_log FINAL
    WHERE ${inScan.join(' AND ')}
    SETTINGS do_not_merge_across_partitions_select_final = 1
  ) AS s
  INNER JOIN (${subscriptions.narrow(fields)}) AS p ON s.account_id = p.account_id
  WHERE ${afterJoin.join(' AND ')}`;
}
