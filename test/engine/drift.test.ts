import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { DriftWatch } from '../../src/engine/drift-watch.js';
import { readDrift } from '../../src/engine/observations/read-drift.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { context, iso, json } from '../signals/forms.js';
import { writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

const END = Date.UTC(2026, 5, 1);
const ACCOUNTS = 320;
/** Until then all use the product at one pace; from then on nobody does. */
const STOPPED = END - 30 * DAY_MS;
const scoring = defaultScoring();

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const parsing = context();
  const deliver = (body: { readonly time: number; readonly [field: string]: unknown }): Delivery => ({
    record: parseMessage(json({ source: 'test', ...body, time: iso(body.time) }), 'any', {
      ...parsing,
      receivedAt: body.time,
    }),
    origin: { topic: 'test', partition: 0, offset: 0 },
    receivedAt: body.time,
  });
  const deliveries: Delivery[] = [];
  for (let i = 0; i < ACCOUNTS; i++) {
    const account_id = `a${i}`;
    deliveries.push(
      deliver({ type: 'subscription.updated', account_id, time: END - 200 * DAY_MS, status: 'active' }),
    );
    for (let at = END - (150 - (i % 3)) * DAY_MS; at < STOPPED; at += 3 * DAY_MS)
      deliveries.push(
        deliver({ id: `${i} ${at}`, type: 'usage.core_action_completed', account_id, time: at }),
      );
    if (i < 110)
      deliveries.push(
        deliver({ id: `o${i}`, type: 'outcome.churned', account_id, time: END - 5 * DAY_MS - i }),
      );
  }
  await writeAll(store, deliveries);
});
afterAll(() => close());

describe('the drift of scorecards', () => {
  it('is none while customers are as they were', async () => {
    const { before, now, population } = await readDrift(store, scoring, {
      asOf: STOPPED - DAY_MS / 2,
      against: STOPPED - 30.5 * DAY_MS,
    });
    expect([before, now]).toEqual([ACCOUNTS, ACCOUNTS]);
    expect(population.filter(({ verdict }) => verdict !== 'stable')).toEqual([]);
    expect(population[0]).toMatchObject({ name: 'risk' });
  });

  it('is named by feature once they are not, and by outcomes once probabilities mislead', async () => {
    const { population, calibration } = await readDrift(store, scoring, {
      asOf: END,
      against: END - 60 * DAY_MS,
    });
    const of = new Map(population.map((shift) => [shift.name, shift]));
    expect(of.get('risk')!.verdict).toBe('shifted');
    expect(of.get('days_since_last_core_action')!.verdict).toBe('shifted');
    expect(of.get('ticket_backlog')!.verdict).toBe('stable');
    expect(calibration).toMatchObject({ contracts: 110, lost: 110, verdict: 'shifted' });
    expect(calibration!.expected).toBeLessThan(80);
  });

  it('is in the metrics after a check', async () => {
    const metrics = createMetrics();
    const watch = new DriftWatch({
      ...{ store, metrics, logger: silentLogger(), clock: () => END + 30 * DAY_MS },
      scoring: () => scoring,
      everyMs: 0,
    });
    await watch.check();
    const text = await metrics.registry.metrics();
    const stability = /perennial_scorecard_stability\{of="days_since_last_core_action"\} ([\d.]+)/.exec(
      text,
    )?.[1];
    expect(Number(stability)).toBeGreaterThan(0.25);
    expect(text).toMatch(/perennial_scorecard_lost_to_expected\{label="not_renewed"\} [\d.]+/);
    expect(text).toContain(
      `perennial_scorecard_drift_checked_timestamp_seconds ${(END + 30 * DAY_MS) / 1000}`,
    );
  });

  it('is not judged by a handful', async () => {
    const few = await readDrift(store, scoring, { asOf: END, against: END - 190 * DAY_MS });
    expect(few.before).toBe(ACCOUNTS);
    await expect(readDrift(store, scoring, { asOf: END, against: END })).rejects.toThrow(/earlier/);
    const none = await readDrift(store, scoring, { asOf: END, against: END - 300 * DAY_MS });
    expect(new Set(none.population.map(({ verdict }) => verdict))).toEqual(new Set(['not_enough_data']));
  });

  // Bug: the first check came a day after the start, and never where processes are replaced every day.
  it('is checked soon after the start', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
    const metrics = createMetrics();
    const watch = new DriftWatch({
      ...{ store, metrics, logger: silentLogger(), clock: () => END },
      scoring: () => scoring,
      everyMs: DAY_MS,
    });
    const check = vi.spyOn(watch, 'check').mockResolvedValue();
    try {
      watch.start();
      vi.advanceTimersByTime(DAY_MS / 24);
      expect(check).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(DAY_MS);
      expect(check).toHaveBeenCalledTimes(2);
      await watch.stop();
      vi.advanceTimersByTime(7 * DAY_MS);
      expect(check).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
