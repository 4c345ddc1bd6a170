import { expect, it } from 'vitest';
import { RiskReader } from '../../src/engine/risk-reader.js';
import type { StoredRisk } from '../../src/store/risk-state.js';

it('reads those that are asked for at once by one query, each its own', async () => {
  const queries: (readonly string[])[] = [];
  const reader = new RiskReader(async (ids) => {
    queries.push(ids);
    return ids.filter((id) => id !== 'none').map((subscriptionId) => ({ subscriptionId }) as StoredRisk);
  });
  const found = await Promise.all(['a', 'none', 'b', 'a'].map((id) => reader.read(id)));
  expect(found.map((risk) => risk?.subscriptionId)).toEqual(['a', undefined, 'b', 'a']);
  expect(queries).toEqual([['a', 'none', 'b']]);
});

it('gives a failure to all who waited, and to none after', async () => {
  let failing = true;
  const reader = new RiskReader(async (ids) => {
    if (failing) throw new Error('down');
    return ids.map((subscriptionId) => ({ subscriptionId }) as StoredRisk);
  });
  const both = await Promise.allSettled([reader.read('a'), reader.read('b')]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  failing = false;
  expect((await reader.read('a'))?.subscriptionId).toBe('a');
});
