import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';
import { PRESENT, randomBusiness } from './random-business.js';
import {
  contractValuesOf,
  decisionsByRuleOf,
  forecastOf,
  leadingIndicatorsOf,
  saveAttemptsOf,
  scoreOutcomesOf,
  timeToRenewalOf,
} from './reference-figures.js';
import { emptyBusiness, expectClose, storeDecisions, storeRisks, storeSuppressions } from './support.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const key = (...columns: string[]) => `concatWithSeparator(' ', ${columns.join(', ')}) AS key`;
/** Of each view what identifies a row, and its rows by the textbook. */
const VIEWS = [
  {
    view: 'renewal_forecast',
    columns: key('toString(month)', 'owner', 'segment', 'currency'),
    of: (lives: Lives) => forecastOf(lives, PRESENT),
  },
  {
    view: 'contract_values',
    columns: key('subscription_id'),
    of: (lives: Lives) => contractValuesOf(lives, PRESENT),
  },
  {
    view: 'save_attempts',
    columns: key('subscription_id', 'attempt', 'toString(attempted_at)'),
    of: (lives: Lives) => saveAttemptsOf(lives, PRESENT),
  },
  {
    view: 'time_to_renewal',
    columns: key('subscription_id', 'toString(due)'),
    of: timeToRenewalOf,
  },
  {
    view: 'score_outcomes',
    columns: key('subscription_id', 'toString(due)', 'toString(lead_days)'),
    of: scoreOutcomesOf,
  },
  { view: 'leading_indicators', columns: key('feature', 'toString(lead_days)'), of: leadingIndicatorsOf },
  {
    view: 'decisions_by_rule',
    columns: key('toString(month)', 'rule', 'kind', 'action'),
    of: decisionsByRuleOf,
  },
];
type Lives = Parameters<typeof timeToRenewalOf>[0];

test('the forecast, contract values, saves, times to renewal, scores, indicators and rules come out as by the textbook, for any business of three years', async () => {
  const rowsSeen = new Map(VIEWS.map(({ view }) => [view, 0]));
  await fc.assert(
    fc.asyncProperty(randomBusiness, async (lives) => {
      await emptyBusiness(store, PRESENT);
      await writeRecords(store, {
        contracts: lives.flatMap(({ versions }) => versions),
        outcomes: lives.flatMap(({ outcomes }) => outcomes),
        signals: lives.flatMap(({ touches }) => touches),
      });
      await storeRisks(
        store,
        lives.flatMap(({ risks }) => risks),
      );
      await storeDecisions(
        store,
        lives.flatMap(({ decisions }) => decisions),
      );
      await storeSuppressions(
        store,
        lives.flatMap(({ suppressions }) => suppressions),
      );
      for (const { view, columns, of } of VIEWS) {
        const rows = await store.rows<Record<string, string | number | boolean | null> & { key: string }>(
          `SELECT *, ${columns} FROM ${view}`,
        );
        const wanted = of(lives);
        expect(rows.map((row) => row.key).sort(), view).toEqual([...wanted.keys()].sort());
        for (const row of rows) expectClose(row, wanted.get(row.key)!, `${view} ${row.key}`);
        rowsSeen.set(view, rowsSeen.get(view)! + rows.length);
      }
    }),
    { numRuns: 5, endOnFailure: true },
  );
  // A business in which nothing happens would prove nothing.
  for (const [view, rows] of rowsSeen) expect(rows, view).toBeGreaterThan(5);
});
