import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Code,
  type Decision,
  DecisionKind,
  DecisionStatus,
  type ListDecisionsRequestSchema,
} from '../../src/client/index.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

type Request = MessageInitShape<typeof ListDecisionsRequestSchema>;

let scored: ScoredEngine;
let api: Served;
let everything: Decision[];

beforeAll(async () => {
  scored = await scoredEngine();
  api = await serve(scored.engine);
  everything = (await listDecisions({ pageSize: 1_000 })).decisions;
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

const listDecisions = (request: Request) => api.client.decisions.listDecisions(request);

describe('ListDecisions', () => {
  it('lists what is open, with rule, reasons and both revisions', () => {
    const { plan, scoring } = scored.engine.definitions;
    expect(everything.length).toBeGreaterThan(10);
    for (const decision of everything) {
      expect([DecisionStatus.OPEN, DecisionStatus.PENDING_APPROVAL]).toContain(decision.status);
      expect(plan.set.rules.map(({ name }) => name)).toContain(decision.rule);
      expect(decision.reasons).not.toEqual([]);
      expect(decision.rulesRevision).toBe(plan.set.revision);
      expect(decision.scoringRevision).toBe(scoring.revision);
      expect(timestampMs(decision.openedAt!)).toBe(NOW);
      expect(decision.closedAt).toBeUndefined();
    }
    expect(everything.some(({ suppressed }) => suppressed.length > 0)).toBe(true);
  });

  it('lists each once in a stable order, whatever the page size', async () => {
    for (const pageSize of [1, 7, everything.length]) {
      const ids: string[] = [];
      let pageToken = '';
      do {
        const page = await listDecisions({ pageSize, pageToken });
        ids.push(...page.decisions.map(({ decisionId }) => decisionId));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(ids).toEqual(everything.map(({ decisionId }) => decisionId));
    }
  });

  it('filters by subscription, account, kind and status', async () => {
    const [one] = everything;
    const cases: [Request, (decision: Decision) => boolean][] = [
      [{ subscriptionId: one!.subscriptionId }, (d) => d.subscriptionId === one!.subscriptionId],
      [{ accountId: one!.accountId }, (d) => d.accountId === one!.accountId],
      [{ kinds: [DecisionKind.TOUCHPOINT] }, (d) => d.kind === DecisionKind.TOUCHPOINT],
      [{ statuses: [DecisionStatus.PENDING_APPROVAL] }, (d) => d.status === DecisionStatus.PENDING_APPROVAL],
      [{ statuses: [DecisionStatus.EXPIRED, DecisionStatus.CLEARED] }, () => false],
      [{ subscriptionId: 'nobody' }, () => false],
    ];
    for (const [filter, belongs] of cases) {
      const { decisions } = await listDecisions({ ...filter, pageSize: 1_000 });
      expect(decisions).toEqual(everything.filter(belongs));
    }
  });

  it('takes the same filters in another order for the same query', async () => {
    const [a, b] = [DecisionStatus.OPEN, DecisionStatus.PENDING_APPROVAL];
    const { nextPageToken } = await listDecisions({ statuses: [a, b], pageSize: 1 });
    const { decisions } = await listDecisions({ statuses: [b, a, b], pageSize: 2, pageToken: nextPageToken });
    expect(decisions).toEqual(everything.slice(1, 3));
  });

  it('refuses a token of another query, and that of another call', async () => {
    const { nextPageToken } = await listDecisions({ pageSize: 1 });
    const risks = await api.client.risks.listRisks({ pageSize: 1 });
    for (const request of [
      { pageToken: nextPageToken, kinds: [DecisionKind.OFFER] },
      { pageToken: risks.nextPageToken },
    ]) {
      const error = await errorOf(listDecisions(request));
      expect(error.code).toBe(Code.InvalidArgument);
      expect(error.rawMessage).toContain('page_token');
    }
  });

  it.each([
    ['a page_size under 0', { pageSize: -1 }, 'page_size'],
    ['a status that is none', { statuses: [DecisionStatus.UNSPECIFIED] }, 'statuses[0]'],
    ['a number that no kind has', { kinds: [42 as DecisionKind] }, 'kinds[0]'],
  ])('refuses %s', async (_what, request, field) => {
    const error = await errorOf(listDecisions(request));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(violationsOf(error).map((violation) => violation.field)).toEqual([field]);
  });
});
