import { expect, it, vi } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import type { PassFailure } from '../../src/engine/pass.js';
import { TouchedAccounts } from '../../src/engine/touched-accounts.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

/** Patience, and no bound. */
const WAIT = { timeout: 60_000, interval: 20 };

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

// Bug: one error line with a stack every ten seconds, for as long as the store was away.
it('an engine whose store is away says once that turns fail, as an outage, and once that they go well again', async () => {
  const { store, close } = await tempStore();
  let away = false;
  let turns = 0;
  const picky = new Proxy(store, {
    get(target, name) {
      if (name === 'arrow' && away) {
        turns++;
        return async function* () {
          yield* [];
          throw new PerennialError('unavailable', 'The store does not answer.');
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const lines: { level: string; msg: string }[] = [];
  const log = createLogger('info', { write: (line: string) => lines.push(JSON.parse(line)) });
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  const engine = new Engine({ store: picky, definitions, clock: () => END, log, fullRescoreEveryMs: 10 });
  await writeAll(store, business({ accounts: 2 }));
  await engine.start();
  away = true;
  await vi.waitFor(() => expect(turns).toBeGreaterThan(3), WAIT);
  away = false;
  await vi.waitFor(() => expect(engine.notReady()).toBeUndefined(), WAIT);
  await vi.waitFor(() => expect(lines.at(-1)?.msg).toBe('Everyone is rescored again'), WAIT);
  await engine.stop();
  await close();
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'The rescore of everyone failed; the next turn tries again'],
    ['info', 'Everyone is rescored again'],
  ]);
});

const failure = (account: string): PassFailure => ({
  accounts: [account],
  error: new PerennialError('internal', 'Its value is not one.'),
});

it('touched accounts that cannot be scored are reported until they are', async () => {
  const seen: (string | undefined)[] = [];
  let tries = 0;
  const touched: TouchedAccounts = new TouchedAccounts(async () => {
    seen.push(touched.failure);
    if (++tries === 1) throw new PerennialError('unavailable', 'The store is away.');
    return { failures: [] };
  }, silentLogger());
  touched.add(['a']);
  await touched.settled();
  expect(seen).toEqual([undefined, "Touched accounts can't be scored: The store is away."]);
  expect(touched.failure).toBeUndefined();
});

// Bug (case D12): an account that could not be scored was forgotten, and readiness said that all was well.
it('an account at fault keeps its place, is tried again by itself, and holds up nobody', async () => {
  vi.useFakeTimers();
  try {
    const passes: (readonly string[])[] = [];
    let mended = false;
    const touched = new TouchedAccounts(async (accounts) => {
      passes.push(accounts);
      return { failures: accounts.includes('bad') && !mended ? [failure('bad')] : [] };
    }, silentLogger());
    touched.add(['good', 'bad', 'fine']);
    await touched.settled();
    expect(touched.failure).toContain('bad');
    touched.add(['good']);
    await touched.settled();
    await vi.advanceTimersByTimeAsync(1_000);
    mended = true;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(passes).toEqual([['good', 'bad', 'fine'], ['good'], ['bad'], ['bad']]);
    expect(touched.failure).toBeUndefined();
    await touched.stop();
  } finally {
    vi.useRealTimers();
  }
});

// Bug (case A20): a clean stop was logged as an error.
it('stops with touched accounts waiting and without an error', async () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line: string) => lines.push(line) });
  const touched = new TouchedAccounts(
    () => Promise.reject(new PerennialError('unavailable', 'The store is away.')),
    log,
  );
  touched.add(['a']);
  await touched.stop();
  expect(lines.join('')).not.toContain('"level":"error"');
  expect(lines.join('')).not.toContain('"level":50');
});
