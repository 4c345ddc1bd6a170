import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertRows } from '../../src/store/encoded-rows.js';
import {
  claimKeeping,
  encodeGrants,
  type LimitGrant,
  readGrants,
  readKeeper,
} from '../../src/store/limit-grants.js';
import type { Store } from '../../src/store/store.js';
import { day } from '../decisions/cases.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const owner = () => {};
const claim = (generation: number) => claimKeeping(store, generation, day(1), owner);
const grant = (requestId: string, epoch: number): LimitGrant => ({
  requestId,
  epoch,
  generation: 1,
  decisionId: requestId,
  accountId: 'a',
  kind: 'offer',
  owner: '',
  currency: 'EUR',
  costMinor: 1,
  ruling: 'pass',
  guardrail: '',
  reason: '',
  grantedAt: day(1),
});
const counting = async () => (await readGrants(store, day(0), true)).map(({ requestId }) => requestId).sort();

describe('grants of shared limits', () => {
  // Bug: keepers were ranked by the generation of their group. Where it was made anew, nothing that the keeper granted counted for a day.
  it('count when they are of the latest keeper, also after its group began anew', async () => {
    const before = await claim(40);
    await insertRows(store, encodeGrants([grant('before', before)]));
    expect(await counting()).toEqual(['before']);
    const anew = await claim(1);
    await insertRows(store, encodeGrants([grant('anew', anew)]));
    expect(await counting()).toEqual(['anew']);
    expect(await readKeeper(store)).toEqual({ epoch: anew, generation: 1 });
  });

  it('do not count when a keeper that was replaced writes them late', async () => {
    const replaced = await claim(7);
    const keeper = await claim(8);
    await insertRows(store, encodeGrants([grant('now', keeper)]));
    await insertRows(store, encodeGrants([grant('late', replaced)]));
    expect(await counting()).toEqual(['now']);
    expect((await readGrants(store, day(0), false)).map(({ requestId }) => requestId)).toContain('late');
  });

  it('are those of one keeper for one generation, however often it claims', async () => {
    const keeper = await claim(9);
    expect(await claim(9)).toBe(keeper);
    await insertRows(store, encodeGrants([grant('again', keeper)]));
    expect(await counting()).toEqual(['again']);
  });
});
