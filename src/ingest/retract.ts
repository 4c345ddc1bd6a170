import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { stableId } from '../core/identity.js';
import { markEmptied } from '../store/accounts.js';
import { bringBack, endVersions } from '../store/end-versions.js';
import { fileMisaddressed } from '../store/misaddressed-answers.js';
import { movedOf, settleMoves } from '../store/moved-subscriptions.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { keyHash } from '../store/record-hash.js';
import type { RecordTable } from '../store/record-table.js';
import { insertRetractions, listRetractions, markUndone } from '../store/retraction-log.js';
import { SIGNALS } from '../store/signal-log.js';
import type { QueryParams, Store } from '../store/store.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { alone } from './alone.js';
import { identityOf } from './retract-messages.js';

/** What is to be left out: one record by source and id, or everything that matches both source and account. */
export interface Selection {
  readonly source?: string | undefined;
  readonly id?: string | undefined;
  readonly account?: string | undefined;
}

export interface RetractedCounts {
  readonly signals: number;
  readonly subscriptions: number;
  readonly outcomes: number;
  readonly accounts: readonly string[];
}

const TABLES = { signals: SIGNALS, subscriptions: SUBSCRIPTIONS, outcomes: OUTCOMES } as const;
type Table = RecordTable<never>;

/** What a retraction would concern. */
export async function countSelected(store: Store, selection: Selection): Promise<RetractedCounts> {
  const accounts = new Set<string>();
  const counts = { signals: 0, subscriptions: 0, outcomes: 0 };
  for (const name of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
    const where = conditionOf(TABLES[name] as unknown as Table, selection);
    if (where === undefined) continue;
    const rows = await store.rows<{ account: string; records: number }>(
      `SELECT account_id AS account, count() AS records FROM ${TABLES[name].table} FINAL WHERE ${where} AND _ended = '' GROUP BY account_id`,
      paramsOf(selection),
      { lane: 'batch' },
    );
    for (const { account, records } of rows) {
      accounts.add(account);
      counts[name] += records;
    }
  }
  return { ...counts, accounts: [...accounts].sort() };
}

/**
 * Leaves records out from now on: of the views, of features and of every replay. What had arrived by then and is read later stays out
 * too. Resolves to the retraction's id and what it concerned.
 */
export async function retract(
  store: Store,
  selection: Selection,
  how: { readonly reason: string; readonly by: string; readonly now: Millis; readonly id?: string },
): Promise<RetractedCounts & { readonly id: string }> {
  const { reason, by, now } = how;
  return alone(store, async () => {
    const found = await countSelected(store, selection);
    const { source = '', id: recordId = '', account = '' } = selection;
    const id = how.id ?? `r-${stableId('retraction', source, recordId, account, now).slice(0, 12)}`;
    const one =
      recordId === '' ? undefined : found.signals === 0 && found.outcomes > 0 ? 'outcome' : 'signal';
    const key = one === undefined ? '' : keyHash(identityOf({ kind: one, source, id: recordId }));
    await insertRetractions(store, [
      {
        id,
        kind: one ?? '',
        key,
        source,
        recordId,
        accountId: account,
        at: now,
        reason,
        by,
        origin: undefined,
      },
    ]);
    for (const table of Object.values(TABLES)) {
      const where = conditionOf(table as unknown as Table, selection);
      if (where === undefined) continue;
      await endVersions(store, table as unknown as Table, where, paramsOf(selection), {
        ended: 'retracted',
        by: id,
        now,
      });
    }
    if (found.subscriptions > 0) await settleMoves(store, await movedOf(store, found.accounts));
    await markEmptied(store, found.accounts);
    return { id, ...found, accounts: await withMisaddressed(store, found.outcomes, found.accounts) };
  });
}

/** Takes a retraction back: what it left out holds again, from now on, unless it has come in since. */
export async function undoRetraction(
  store: Store,
  id: string,
  { by, now }: { readonly by: string; readonly now: Millis },
): Promise<RetractedCounts> {
  const [found] = await listRetractions(store, { id, limit: 1 });
  if (found === undefined) {
    throw new PerennialError('not_found', `There is no retraction ${id}.`, {
      reason: 'RETRACTION_NOT_FOUND',
      subject: { type: 'retraction', name: id },
      hint: 'ListRetractions has them, and perennial signals retractions.',
    });
  }
  if (found.undoneAt !== null)
    throw new PerennialError('failed_precondition', `The retraction ${id} was taken back already.`);
  return alone(store, async () => {
    const counts = { signals: 0, subscriptions: 0, outcomes: 0 };
    const accounts = new Set<string>();
    const at = Math.max(now, found.at + 1);
    await markUndone(store, id, at, by);
    for (const name of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
      const table = TABLES[name] as unknown as Table;
      for (const { account, records } of await bringBack(
        store,
        table,
        '_ended_by = {by:String}',
        { by: id },
        at,
      )) {
        accounts.add(account);
        counts[name] += records;
      }
    }
    if (counts.subscriptions > 0) await settleMoves(store, await movedOf(store, [...accounts]));
    return { ...counts, accounts: await withMisaddressed(store, counts.outcomes, [...accounts]) };
  });
}

/** Accounts, and those whose decisions are named by outcomes of theirs that have changed. */
async function withMisaddressed(
  store: Store,
  outcomes: number,
  accounts: readonly string[],
): Promise<readonly string[]> {
  const others = outcomes === 0 ? [] : await fileMisaddressed(store, accounts);
  return [...new Set([...accounts, ...others])].sort();
}

/** A condition on the rows of a table; undefined: nothing of it can be meant. */
function conditionOf(of: Table, { source, id, account }: Selection): string | undefined {
  if (of.kind === 'subscription' && (source !== undefined || id !== undefined)) return undefined;
  const parts = [
    ...(source === undefined ? [] : ['source = {source:String}']),
    ...(id === undefined ? [] : ['id = {id:String}']),
    ...(account === undefined ? [] : ['account_id = {account:String}']),
  ];
  if (parts.length === 0) throw new RangeError('A retraction names a source or an account.');
  return parts.join(' AND ');
}

function paramsOf({ source = '', id = '', account = '' }: Selection): QueryParams {
  return { source, id, account };
}
