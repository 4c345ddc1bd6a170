import { expect, it } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { TouchedAccounts } from '../../src/engine/touched-accounts.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

it('an engine says that the last rescore of everyone failed, until one goes well', async () => {
  const { store, close } = await tempStore();
  let full = true;
  const picky = new Proxy(store, {
    get(target, name) {
      if (name === 'insertArrow' && full)
        return () => Promise.reject(new PerennialError('unavailable', 'The disk is full.'));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  const engine = new Engine({ store: picky, definitions, clock: () => END, log: silentLogger() });
  await writeAll(store, business({ accounts: 2 }));
  await expect(engine.start()).rejects.toThrow('The disk is full.');
  expect(engine.notReady()).toBe('The last rescore of everyone failed: The disk is full.');
  full = false;
  await engine.start();
  expect(engine.notReady()).toBeUndefined();
  await engine.stop();
  await close();
});

it('touched accounts that cannot be scored are told of until they are', async () => {
  const seen: (string | undefined)[] = [];
  let tries = 0;
  const touched: TouchedAccounts = new TouchedAccounts(async () => {
    seen.push(touched.failure);
    if (++tries === 1) throw new PerennialError('unavailable', 'The store is away.');
  }, silentLogger());
  touched.add(['a']);
  await touched.settled();
  expect(seen).toEqual([undefined, "Touched accounts can't be scored: The store is away."]);
  expect(touched.failure).toBeUndefined();
});
