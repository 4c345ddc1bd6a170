import { expect, test } from 'vitest';
import { movedOf } from '../../src/store/moved-subscriptions.js';
import type { Store } from '../../src/store/store.js';

// Bug: undoing an import of 90,000 accounts, or replacing it, asked for all of them in one query, which took minutes.
test('of however many accounts, the names that go with one query are bounded', async () => {
  const asked: number[] = [];
  const rows = async (_sql: string, { accounts }: { readonly accounts: readonly string[] }) => {
    asked.push(accounts.length);
    return accounts.flatMap((account) => [{ id: account }, { id: 'shared' }]);
  };
  const all = Array.from({ length: 12_001 }, (_, i) => `a${i}`);
  const ids = await movedOf({ rows } as unknown as Store, all);
  expect([...ids].sort()).toEqual([...all, 'shared'].sort());
  expect(Math.max(...asked)).toBeLessThanOrEqual(5_000);
});
