import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { type Definitions, loadDefinitions } from '../../src/engine/definitions.js';
import { pagesOfAccounts } from '../../src/engine/pages.js';
import { type PassSummary, runPass } from '../../src/engine/pass.js';
import { featuresAt, halving } from '../../src/engine/pass-ports.js';
import { reportSink } from '../../src/engine/sink.js';
import { StayingConditions } from '../../src/engine/staying-conditions.js';
import { StoredPast } from '../../src/engine/stored-past.js';
import { pagesOfNamed } from '../../src/features/named-accounts.js';
import { type Scope, scopeSql } from '../../src/features/population.js';
import type { Store } from '../../src/store/store.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let definitions: Definitions;
let accounts: string[];
beforeAll(async () => {
  ({ store, close } = await tempStore());
  definitions = await loadDefinitions(store, 'scoring', 'rules');
  await writeAll(store, business({ accounts: 40, days: 60 }));
  const rows = await store.rows<{ id: string }>(
    'SELECT account_id AS id FROM accounts GROUP BY id ORDER BY id',
  );
  accounts = rows.map(({ id }) => id);
});
afterAll(() => close());

/** A pass in which the features of some accounts can't be read, whoever is asked about beside them. */
async function passWith(
  bad: readonly string[],
  error: PerennialError,
  scopes: AsyncIterable<Scope> | Iterable<Scope>,
): Promise<PassSummary> {
  const read = featuresAt(store, definitions.scoring, END);
  return runPass(
    {
      async *features(scope) {
        const { sql, params } = scopeSql(scope);
        const [hit] = await store.rows<{ n: number }>(
          `SELECT count() AS n FROM accounts WHERE ${sql} AND account_id IN {bad:Array(String)}`,
          { ...params, bad },
        );
        if (hit!.n > 0) throw error;
        yield* read(scope);
      },
      past: new StoredPast(store),
      sink: reportSink,
      limits: new Ledger(),
      staying: new StayingConditions(store, definitions.plan.set),
      halve: halving(store, END),
    },
    definitions,
    scopes,
    END,
  );
}

const defect = new PerennialError('internal', 'inf or nan to integer conversion');

// Bug (case A1): one signal of one account stopped every rescore of everyone.
describe('accounts that can not be scored', () => {
  it.each([1, 3])('%d of them: each is named alone, and everyone else is scored', async (count) => {
    const bad = Array.from({ length: count }, (_, i) => accounts[(7 + 13 * i) % accounts.length]!);
    const well = await passWith([], defect, pagesOfAccounts(store, END));
    for (const scopes of [() => pagesOfAccounts(store, END), () => pagesOfNamed(accounts)]) {
      const summary = await passWith(bad, defect, scopes());
      expect(summary.failures.flatMap((failure) => failure.accounts).sort()).toEqual([...bad].sort());
      const rest = await passWith(
        [],
        defect,
        pagesOfNamed(accounts.filter((account) => !bad.includes(account))),
      );
      expect(summary.subscriptions).toBe(rest.subscriptions);
      expect(summary.subscriptions).toBeLessThan(well.subscriptions);
      expect(summary.bands).toEqual(rest.bands);
    }
  });

  // Bug: beside a process that holds the store `score --all` tried 250 accounts one by one for over ten minutes before it said so.
  it.each([
    ['does not answer', new PerennialError('unavailable', 'The store is away.')],
    ['can not be written to', new PerennialError('failed_precondition', 'Another process holds it.')],
    ['refuses this user', new PerennialError('permission_denied', 'Not enough privileges.')],
  ])('a store that %s is no account’s fault: the pass fails as a whole', async (_, error) => {
    await expect(passWith([accounts[3]!], error, pagesOfAccounts(store, END))).rejects.toBe(error);
  });
});
