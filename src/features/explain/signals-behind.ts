import type { Millis } from '../../core/clock.js';
import { quoteText } from '../../core/sql-text.js';
import { CONTRACT_FIELDS, contractFieldSql } from '../contract-fields.js';
import type { FeatureStore } from '../feature-store.js';
import { attributesRead, type Measure, typesRead } from '../measures/measure.js';
import { presentSubscriptions } from '../planner/subscriptions.js';
import { typesSql, union } from '../signal-types.js';
import { plainRows, type Ruling, rulingSql } from './signal-rulings.js';

/** Whose signals: a subscription as of a time. */
export interface About {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly asOf: Millis;
}

export interface SignalBehind {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Millis;
  readonly value: number | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly ruling: Ruling;
}

/** The signals that a measure rests on: how many, and some of them, the latest first. */
export interface SignalsBehind {
  readonly count: number;
  readonly latest: readonly SignalBehind[];
}

/** The signals that measures of a subscription rest on, by measure, and of each at most so many. */
export async function readSignalsBehind(
  store: FeatureStore,
  measures: readonly Measure[],
  about: About,
  most: number,
): Promise<ReadonlyMap<string, SignalsBehind>> {
  const { rows, rulings, sql, params } = judged(measures, about);
  const counting = rulings.map((of) => of.flatMap(({ counts }, i) => (counts ? [i + 1] : [])));
  const found = await store.rows<Row & { measure: number; ruling: number; counted: number }>(
    `SELECT source, id, type, at AS occurredAt, value, attributes, measure, ruling, counted FROM (
       SELECT *, count() OVER (PARTITION BY measure) AS counted, row_number() OVER (PARTITION BY measure ORDER BY at DESC, source, id) AS place
       FROM (SELECT * EXCEPT (rulings), measure, ruling FROM (${sql}) ARRAY JOIN rulings AS ruling, range(1, ${rows + 1}) AS measure)
       WHERE has([${counting.map((numbers) => `[${numbers.join(', ')}]`).join(', ')}][measure], ruling)
     ) WHERE place <= {most:UInt32} ORDER BY measure, place`,
    { ...params, most },
    { lane: 'serve' },
  );
  const behind = new Map<string, { count: number; latest: SignalBehind[] }>();
  for (const { measure, ruling, counted, ...signal } of found) {
    const { name } = measures[measure - 1]!;
    const one = behind.get(name) ?? { count: counted, latest: [] };
    one.latest.push({ ...signal, ruling: rulings[measure - 1]![ruling - 1]! });
    behind.set(name, one);
  }
  return behind;
}

/** What each measure makes of one signal about a subscription; undefined of measures that do not read its type. */
export async function readRulings(
  store: FeatureStore,
  measures: readonly Measure[],
  about: About,
  signal: { readonly source: string; readonly id: string },
): Promise<ReadonlyMap<string, Ruling>> {
  const { rulings, sql, params } = judged(measures, about);
  const rows = await store.rows<{ rulings: number[] }>(
    `SELECT rulings FROM (${sql}) WHERE source = {signal_source:String} AND id = {signal_id:String}`,
    { ...params, signal_source: signal.source, signal_id: signal.id },
    { lane: 'serve' },
  );
  const found = new Map<string, Ruling>();
  for (const row of rows)
    row.rulings.forEach((ruling, i) => {
      if (ruling > 0) found.set(measures[i]!.name, rulings[i]![ruling - 1]!);
    });
  return found;
}

type Row = Omit<SignalBehind, 'ruling'>;

/** The signals about a subscription with the number of each measure's ruling. */
function judged(measures: readonly Measure[], { accountId, subscriptionId, asOf }: About) {
  const scope = { kind: 'accounts', accounts: [accountId] } as const;
  const { hint, latest, asOfMs, held, sql, params } = presentSubscriptions({ scope, asOf });
  const attributes = [...new Set(measures.flatMap((measure) => [...attributesRead(measure)]))].sort();
  const judgements = measures.map((measure) => rulingSql(measure, plainRows(attributes, contractFieldSql)));
  const types = union(measures.map(typesRead));
  const contract = [...CONTRACT_FIELDS.keys()];
  return {
    rows: measures.length,
    rulings: judgements.map(({ rulings }) => rulings),
    sql: `SELECT s.source AS source, s.id AS id, s.type AS type, s.category AS category, s.at AS at, s.value AS value, s.attributes AS attributes,
        ${asOfMs} - at AS age, ${attributes.map((name, i) => `s.attributes[${quoteText(name)}] AS a${i}, `).join('')}
        CAST([${judgements.map((one) => one.sql).join(', ')}], 'Array(UInt8)') AS rulings
      FROM (
        SELECT account_id, subscription_id, source, id, category, type, value, attributes, toUnixTimestamp64Milli(occurred_at) AS at
        FROM signal_log FINAL WHERE ${hint} AND ${typesSql(types)} AND occurred_at <= ${latest} AND ${held}
      ) AS s
      INNER JOIN (
        SELECT account_id, subscription_id, implicit, ${contract.join(', ')} FROM (${sql}) WHERE subscription_id = {subscription:String}
      ) AS p ON s.account_id = p.account_id
      WHERE s.subscription_id = '' OR s.subscription_id = p.subscription_id OR p.implicit`,
    params: { ...params, subscription: subscriptionId },
  };
}
