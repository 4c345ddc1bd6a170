import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { type ColumnBuilder, IntegerBuilder, TextBuilder, TimeBuilder } from '../../columns/arrow-builder.js';
import { toArrowStream } from '../../columns/arrow-stream.js';
import type { Batch } from '../../columns/batch.js';
import { batchOf } from '../../columns/batch-of.js';
import { type Value, valueAt } from '../../columns/column.js';
import type { Fact } from '../../columns/fact.js';
import { batchFromArrow } from '../../columns/from-arrow.js';
import type { Millis } from '../../core/clock.js';
import { groupBy } from '../../core/group-by.js';
import { subscriptionKey } from '../../core/identity.js';
import { RUNNING_STATUSES } from '../../signals/subscription.js';
import { accountsSql, CONTRACT_FACTS, contractsSql, movedSql, scopeSql } from '../population.js';
import type { PresentQuestion } from '../question.js';

/*
 * Who runs of a few accounts, as `populationSql` gives it: who there is, how their contracts stand, and which of these have moved
 * to another account. The engine takes twice as long to plan the join of the three as to answer them one by one, and here it is
 * a few lines (ADR 0231).
 */
export interface FewSubscriptions {
  readonly population: Batch;
  /** The columns of it that go into the store again. */
  readonly arrow: RecordBatch;
}

/** A row of the population, or of what it is made of, by column. */
type Row = Readonly<Record<string, Value>>;

const TEXTS = CONTRACT_FACTS.filter(({ kind }) => kind === 'string').map(({ name }) => name);
/** Dates are times to the expressions of features, at midnight. */
const CONTRACT = [
  ...CONTRACT_FACTS.map(({ name }) => name),
  'plan_features',
  "toDateTime64(start, 3, 'UTC') AS starts_at",
  "toDateTime64(renewal, 3, 'UTC') AS renews_at",
];
const number = (name: string) => ({ name, kind: 'number' as const });
const COLUMNS: readonly Pick<Fact, 'name' | 'kind'>[] = [
  { name: 'account_id', kind: 'string' },
  { name: 'subscription_id', kind: 'string' },
  ...['as_of', 'observed_at', 'implicit', 'start', 'renewal', 'plan_features'].map(number),
  ...CONTRACT_FACTS,
];

/** So many rows are put together at once: a single account may have tens of thousands of contracts. */
const MOST_CONTRACTS = 5_000;

/** In one part, or in none where nobody runs; undefined: they are too many. `read` asks the store with the parameters of the question. */
export async function runningOf(
  { scope, asOf, knownAt }: PresentQuestion,
  read: (sql: string) => Promise<readonly RecordBatch[]>,
): Promise<readonly FewSubscriptions[] | undefined> {
  const { sql } = scopeSql(scope);
  const known = knownAt !== undefined;
  const [accounts, contracts, moved] = await Promise.all(
    [
      `${accountsSql(sql, known)} ORDER BY account_id`,
      `${contractsSql(sql, known, CONTRACT)} LIMIT ${MOST_CONTRACTS + 1}`,
      movedSql(sql, known),
    ].map(async (question) => (await read(question)).flatMap(rowsOf)),
  );
  if (contracts!.length > MOST_CONTRACTS) return undefined;
  const contractsOf = groupBy(contracts!, ({ account_id }) => account_id as string);
  const gone = new Set(moved!.map(keyOf));
  const rows = accounts!.flatMap((account) => {
    const own = contractsOf.get(account.account_id as string);
    if (own === undefined) return [implicitOf(account, asOf)];
    return own
      .filter((contract) => isRunning(contract) && !gone.has(keyOf(contract)))
      .map((contract) => runningRow(contract, account, asOf));
  });
  return rows.length === 0 ? [] : [{ population: batchOf(COLUMNS, rows), arrow: arrowOf(rows) }];
}

function rowsOf(arrow: RecordBatch): Row[] {
  const batch = batchFromArrow(arrow);
  return Array.from({ length: batch.length }, (_, row) =>
    Object.fromEntries([...batch.columns].map(([name, column]) => [name, valueAt(column, row)])),
  );
}

function keyOf({ account_id, subscription_id }: Row): string {
  return subscriptionKey(account_id as string, subscription_id as string);
}

function isRunning({ status, is_ahead, is_over }: Row): boolean {
  return is_ahead === 0 && is_over === 0 && RUNNING_STATUSES.some((running) => running === status);
}

function runningRow(contract: Row, { seen }: Row, asOf: Millis): Row {
  const { starts_at: start, renews_at: renewal } = contract;
  const known = TEXTS.map((name) => [name, contract[name] === '' ? null : contract[name]!] as const);
  const observed = Math.min((start ?? seen) as Millis, seen as Millis);
  return {
    ...contract,
    ...Object.fromEntries(known),
    ...{ start: start!, renewal: renewal!, as_of: asOf, observed_at: observed, implicit: 0 },
  };
}

/** An account without any contract counts as one subscription of its name. */
function implicitOf({ account_id, used }: Row, asOf: Millis): Row {
  return {
    account_id: account_id!,
    subscription_id: account_id!,
    as_of: asOf,
    observed_at: (used as Millis) > asOf ? null : used!,
    implicit: 1,
    status: 'active',
    add_ons: [],
  };
}

function arrowOf(rows: readonly Row[]): RecordBatch {
  const column = (name: string, builder: ColumnBuilder<never>) => {
    for (const row of rows) builder.push((row[name] ?? null) as never);
    return [name, builder] as const;
  };
  const bytes = toArrowStream(
    new Map([
      column('account_id', new TextBuilder() as ColumnBuilder<never>),
      column('subscription_id', new TextBuilder() as ColumnBuilder<never>),
      column('arr_minor', new IntegerBuilder() as ColumnBuilder<never>),
      column('renewal', new TimeBuilder() as ColumnBuilder<never>),
    ]),
  );
  return [...RecordBatchReader.from(bytes)][0]!;
}
