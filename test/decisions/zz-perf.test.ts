import { it } from 'vitest';
import { AccountHistory, summaries } from '/work/wt/core/src/decisions/account-history.js';
import { openFor } from '/work/wt/core/src/decisions/arbitrate.js';
import { settle } from '/work/wt/core/src/decisions/settle.js';
import { Ledger } from '/work/wt/core/src/decisions/shared-limits.js';
import {
  day,
  decision,
  escalation,
  guardrail,
  offerEvent,
  RULES,
  situation,
  touchpoint,
} from '/work/wt/core/test/decisions/cases.js';

it('perf', () => {
  for (const n of [1000, 2000, 4000, 8000]) {
    const ds = Array.from({ length: n }, (_, i) =>
      decision({
        decisionId: `d${i}`,
        subscriptionId: `s${i}`,
        status: i % 2 ? 'open' : 'presented',
        presentedAt: i % 2 ? null : day(1),
      }),
    );
    const rails = [
      guardrail({
        kind: 'frequency_cap',
        types: ['offer', 'touchpoint'],
        per: 'account',
        max: 1_000_000,
        days: 30,
      }),
      guardrail({ kind: 'max_open', types: ['escalation', 'touchpoint'], per: 'account', max: 1_000_000 }),
      guardrail({ kind: 'cooldown', days: 30 }),
      guardrail({ kind: 'min_gap', types: ['touchpoint'], per: 'subscription', days: 3 }),
    ];
    const t = performance.now();
    const h = new AccountHistory('a', ds, summaries(ds, 0));
    settle(h, new Ledger(ds), [], day(3), () => 'holds');
    const l = new Ledger(ds);
    let opened = 0;
    for (let i = 0; i < n; i++) {
      const s = situation(day(3), [offerEvent('twenty'), touchpoint('t'), escalation('e')], {
        subscriptionId: `s${i}`,
        guardrails: rails,
      });
      opened += openFor(s, h, l, RULES).events.length;
    }
    console.log(n, opened, (performance.now() - t).toFixed(0));
  }
}, 600000);
