import { it } from 'vitest';
import { loadDefinitions } from '../src/engine/definitions.js';
import { pagesOfAccounts } from '../src/engine/pages.js';
import { runPass } from '../src/engine/pass.js';
import { writeBatch } from '../src/ingest/batch-writer.js';
import { simulate } from '../src/simulate/simulate.js';
import { tempStore } from './support/temp-store.js';

it('x', async () => {
  const { store, close } = await tempStore();
  try {
    const end = Date.UTC(2026, 0, 1);
    const sim = simulate({ seed: 1, accounts: 500, days: 365, end });
    let batch: any[] = [];
    let n = 0;
    let t0 = performance.now();
    for (const item of sim.records()) {
      batch.push({ ...item, origin: { topic: 's', partition: -1, offset: n++ } });
      if (batch.length === 20000) {
        await writeBatch(store, batch);
        batch = [];
      }
    }
    await writeBatch(store, batch);
    console.log(n, 'records', ((performance.now() - t0) / 1000).toFixed(1));
    const definitions = await loadDefinitions(store, 'scoring', 'rules');
    t0 = performance.now();
    console.log(
      await runPass({ store, definitions, clock: () => 1 }, pagesOfAccounts(store, end), end),
      performance.now() - t0,
    );
    console.log(
      await store.text(
        `select band, count(), round(avg(risk),1), round(avg(coverage),2), scorecard from risks group by band, scorecard order by scorecard, band format PrettyCompact`,
      ),
    );
    console.log(
      await store.text(
        `select quantiles(0.05,0.25,0.5,0.75,0.9,0.95,0.99)(risk) from risks format PrettyCompact`,
      ),
    );
    console.log(
      await store.text(
        `select kind, action, rule, status, count(), any(reasons) from decisions group by all order by 1,2 format Vertical`,
      ),
    );
    console.log(
      await store.text(
        `select guardrail, count(), any(reason) from suppressions group by all order by 1,2 format Vertical`,
      ),
    );
    console.log(
      await store.text(
        `select subscription_id, risk, band, contributions from risks order by risk desc limit 2 format Vertical`,
      ),
    );
    const truth = new Map<string, any>();
    for (const t of sim.truth()) truth.set((t as any).subscriptionId ?? (t as any).subscription_id, t);
    console.log([...truth.values()][0]);
  } finally {
    await close();
  }
}, 120000);
