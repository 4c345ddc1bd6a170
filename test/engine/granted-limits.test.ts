import { expect, it } from 'vitest';
import { requestIdOf } from '../../src/decisions/limit-request.js';
import type { Asked } from '../../src/decisions/shared-limits.js';
import { GrantedLimits } from '../../src/engine/granted-limits.js';
import type { LimitGrant } from '../../src/store/limit-grants.js';
import { day, decision, guardrail, lived, RULES } from '../decisions/cases.js';

const asking = (proposal: Asked['proposal']): Asked => ({
  proposal,
  costKnown: true,
  guardrails: [
    guardrail({ kind: 'budget', max_minor: 150_000, currency: 'EUR', days: 30 }),
  ] as unknown as Asked['guardrails'],
  currencies: RULES.currencies,
  asOf: day(1),
  opens: true,
});

function granted(asked: Asked): LimitGrant {
  const { decisionId, accountId, kind, owner, currency, costMinor } = asked.proposal;
  const what = { decisionId, accountId, kind, owner, currency, costMinor };
  const by = { epoch: 1, generation: 1, grantedAt: day(1) };
  return { requestId: requestIdOf(asked), ...what, ...by, ruling: 'pass', guardrail: '', reason: '' };
}

// Bug: what was taken back within minutes and opened again used its old grant, though others had been granted what that gave back.
it('a grant is used once: what was withdrawn and is opened again asks anew', () => {
  const open = decision({ costMinor: 120_000 });
  const limits = new GrantedLimits([granted(asking(open))], null);
  expect(limits.ask(asking(open))).toEqual({ kind: 'pass' });
  const withdrawn = lived(open, { event: 'withdrawn', at: day(1) });
  expect(limits.ask(asking(withdrawn)).kind).toBe('wait');
  expect(limits.requests.map(({ requestId }) => requestId)).toEqual([requestIdOf(asking(withdrawn))]);
});
