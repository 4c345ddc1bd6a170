import { afterAll, beforeAll, expect, it } from 'vitest';
import { dropRun, isRunBegun, readRunPasses } from '../../src/store/run-log.js';
import type { Store } from '../../src/store/store.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

// Bug: what a run had stored when it was interrupted in its first pass was mixed with the next run of that name, and nothing dropped it.
it('a run that ended in its first pass keeps its name taken until it is dropped', async () => {
  expect(await isRunBegun(store, 'cut')).toBe(false);
  await store.command(`INSERT INTO run_risk_log (run, account_id) VALUES ('cut', 'acme'), ('other', 'acme')`);
  expect(await isRunBegun(store, 'cut')).toBe(true);
  expect(await readRunPasses(store, 'cut')).toEqual([]);
  await dropRun(store, 'cut');
  expect(await isRunBegun(store, 'cut')).toBe(false);
  expect(await isRunBegun(store, 'other')).toBe(true);
});
