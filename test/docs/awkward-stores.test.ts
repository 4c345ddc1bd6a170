import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import type { Signal } from '../../src/signals/signal.js';
import { recordCurrencies } from '../../src/store/currencies.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { contract, day, outcome, type Written, writeRecords } from '../support/contracts.js';
import { namedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { streamText } from '../support/stream-text.js';
import { tempStore } from '../support/temp-store.js';
import { thorough } from '../support/thorough.js';

/*
 * The documented queries, and those of the dashboards, on stores of which little is known: none fails, and none makes a number
 * or a time of nothing. In `npm test` each store is asked every other one, and each query every other store.
 */

const NOW = day('2026-03-01');
const BEGAN = NOW - 400 * DAY_MS;

const dashboards = ['business', 'operations'].flatMap((name) => {
  const text = readFileSync(projectFile(`integrations/grafana/dashboards/${name}.json`), 'utf8');
  return [...text.matchAll(/"rawSql": ("(?:[^"\\]|\\.)*")/g)].map(
    (match, place) => [`${name} ${place}`, JSON.parse(match[1]!) as string] as const,
  );
});
const pages = [...namedBlocks('docs/sql.md')];
const panels = dashboards.map(([name, sql]) => [name, sql.replace(/\$__timeFilter\(\w+\)/g, '1')] as const);

const signal = (accountId: string, days: number): Signal => ({
  source: 'app',
  id: `${accountId} ${days}`,
  category: 'usage',
  type: 'session_started',
  accountId,
  subscriptionId: '',
  occurredAt: NOW - days * DAY_MS,
  value: null,
  attributes: {},
});
const of = (accountId: string, more: object = {}) =>
  contract({ accountId, subscriptionId: `${accountId}-1`, occurredAt: BEGAN, ...more });
const due = { renewal: NOW + 20 * DAY_MS };
const ended = (accountId: string, more: object = {}) =>
  outcome({
    accountId,
    subscriptionId: `${accountId}-1`,
    kind: 'churned',
    occurredAt: NOW - 40 * DAY_MS,
    ...more,
  });

const NO_RATES = 'in which no currency has a rate';
const STORES: Readonly<Record<string, Written>> = {
  'with signals and no contracts': { signals: [signal('a', 3), signal('b', 40)] },
  'in which no ARR, currency or renewal is known, and no outcome': {
    contracts: [of('a'), of('b', { status: 'past_due' }), of('c', { status: 'trialing' })],
    signals: [signal('a', 3)],
  },
  [NO_RATES]: {
    contracts: [
      of('a', { currency: 'KWD', arrMinor: 5, ...due }),
      of('b', { currency: 'JPY', arrMinor: 700, ...due, autoRenew: true, noticeDays: 60 }),
      of('c', { currency: 'USD', arrMinor: 0, ...due }),
    ],
    outcomes: [
      ended('a', { currency: 'KWD', arrBeforeMinor: 5 }),
      ended('b', { kind: 'renewed', currency: 'JPY', arrBeforeMinor: 700, arrAfterMinor: 800 }),
      ended('c', { kind: 'cancel_intent' }),
    ],
  },
  'of which all has ended': {
    contracts: [
      of('a', { currency: 'EUR', arrMinor: 100 }),
      of('a', { status: 'ended', occurredAt: NOW - 50 * DAY_MS }),
      of('b', { end: NOW - 10 * DAY_MS }),
    ],
    outcomes: [ended('a'), ended('nobody')],
  },
  'of contracts that have yet to begin': { contracts: [of('a', { start: NOW + 30 * DAY_MS, ...due })] },
};

/** What nothing was turned into: no number, no time. */
const OF_NOTHING = /(^|[\t[,(:])-?(nan|inf)\b|\b1970-01-01\b|\b2299-12-31\b/;
/** Columns that say in the page that NaN is "not known". */
const NAN_IS_DOCUMENTED = new Set(['sql moved']);

const NAMES = ['with nothing in it', ...Object.keys(STORES)];

describe.each(NAMES)('a store %s', (name) => {
  let store: Store;
  let close = async () => {};
  beforeAll(async () => {
    ({ store, close } = await tempStore());
    await writeRecords(store, STORES[name] ?? {});
    const definitions = await loadDefinitions(store, projectFile('scoring'), projectFile('rules'));
    const engine = new Engine({
      store,
      definitions,
      clock: () => NOW,
      log: silentLogger(),
      fullRescoreEveryMs: null,
    });
    await engine.rescoreAll();
    await engine.stop();
    if (name === NO_RATES) await recordCurrencies(store, { reporting: 'EUR', rates: new Map() });
  });
  afterAll(() => close());

  // The dashboards ask much the same: where nothing is known, and where money is known and nothing it is worth.
  const queries = name === NO_RATES || !(name in STORES) ? [...pages, ...panels] : pages;
  const asked = queries.filter((_, place) => thorough || (place + NAMES.indexOf(name)) % 2 === 0);
  test.each(asked)('is asked %s', async (query, sql) => {
    const text = await streamText(store.stream(sql, 'TabSeparatedWithNames'));
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    if (!NAN_IS_DOCUMENTED.has(query)) for (const line of lines) expect(line).not.toMatch(OF_NOTHING);
  });
});
