import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import {
  Band,
  ExplainRiskRequest,
  GetRiskRequest,
  ListRisksRequest,
  type Risk,
} from '../../src/gen/perennial/v1/risk.js';
import { parseMessage } from '../../src/signals/parse.js';
import { context, iso, json } from '../signals/forms.js';
import { writeAll } from '../support/business.js';
import { ask, errorOf, NOW, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

let scored: ScoredEngine;
let api: Served;
let everyone: Risk[];

/** An account of which one message came, of the worst kind. */
const STRANGER = 'stranger';

beforeAll(async () => {
  scored = await scoredEngine();
  const signal = { id: '1', source: 'web', account_id: STRANGER, time: iso(NOW - DAY_MS), page: 'cancel' };
  const message = json({ ...signal, type: 'marketing.pricing_or_cancel_page_viewed' });
  const record = parseMessage(message, 'any', { ...context(), receivedAt: NOW });
  const origin = { topic: 'marketing', partition: 0, offset: 0 };
  await writeAll(scored.store, [{ record, origin, receivedAt: NOW }]);
  await scored.engine.rescoreAll();
  api = await serve(scored.engine);
  const { risks } = await listRisks({ pageSize: 1_000 });
  everyone = risks;
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

const getRisk = (request: Partial<GetRiskRequest>) =>
  ask(api.risks, api.risks.getRisk, GetRiskRequest.fromPartial(request));
const listRisks = (request: Partial<ListRisksRequest>) =>
  ask(api.risks, api.risks.listRisks, ListRisksRequest.fromPartial(request));
const explainRisk = (request: Partial<ExplainRiskRequest>) =>
  ask(api.risks, api.risks.explainRisk, ExplainRiskRequest.fromPartial(request));
const pointsOf = (risk: Risk) => risk.contributions.reduce((sum, { points }) => sum + points, 0);

describe('GetRisk', () => {
  it('answers the latest risk, the same whether it comes from the store or from memory', async () => {
    for (const expected of everyone.slice(0, 5)) {
      const { subscriptionId } = expected;
      const [first, second] = [await getRisk({ subscriptionId }), await getRisk({ subscriptionId })];
      expect(first.risk).toEqual(expected);
      expect(second).toEqual(first);
    }
  });

  it('gives the five contributions that add the most, largest first', async () => {
    const { risk } = await getRisk({ subscriptionId: everyone[0]!.subscriptionId });
    const points = risk!.contributions.map((contribution) => contribution.points);
    expect(points).toHaveLength(5);
    expect(points).toEqual([...points].sort((a, b) => b - a));
    expect(risk!.contributions[0]!.reason).not.toBe('');
  });

  it('answers as of an earlier time with what was known then, and again the same', async () => {
    const { subscriptionId } = everyone[0]!;
    const asOf = new Date(NOW - 20 * DAY_MS);
    const { risk } = await getRisk({ subscriptionId, asOf });
    expect(risk!.asOf).toEqual(asOf);
    expect(await getRisk({ subscriptionId, asOf })).toEqual({ risk });
  });

  it.each([
    ['no subscription_id', {}, 'subscription_id'],
    ['an id longer than any can be', { subscriptionId: 'x'.repeat(257) }, 'subscription_id'],
    ['a time before all signals', { subscriptionId: 'x', asOf: new Date('1999-12-31') }, 'as_of'],
  ])('refuses %s and names the field', async (_what, request, field) => {
    const error = await errorOf(getRisk(request));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain(`\`${field}\``);
  });

  it('does not know a subscription that is not there, now or then', async () => {
    for (const asOf of [undefined, new Date(NOW)]) {
      const error = await errorOf(getRisk({ subscriptionId: 'nobody', asOf }));
      expect(error.code).toBe(status.NOT_FOUND);
      expect(error.details).toContain('nobody');
      expect(error.details).toContain('case-sensitive');
    }
  });
});

describe('ExplainRisk', () => {
  it('gives contributions that sum to the risk', async () => {
    for (const { subscriptionId } of everyone.slice(0, 10)) {
      const { risk } = await explainRisk({ subscriptionId });
      expect(Math.abs(pointsOf(risk!) - risk!.risk)).toBeLessThan(1e-9);
      expect(risk!.contributions.length).toBeGreaterThan(5);
    }
  });

  it('says of every rule how it came out, and under which revision', async () => {
    const { plan } = scored.engine.definitions;
    const { rules, rulesRevision } = await explainRisk({ subscriptionId: everyone[0]!.subscriptionId });
    expect(rules.map(({ rule }) => rule)).toEqual(plan.set.rules.map(({ name }) => name));
    expect(rulesRevision).toBe(plan.set.revision);
    for (const { fired, conditions } of rules) expect(conditions[0]).toMatch(fired ? /^\+ / : /^- /);
  });

  it('agrees with the risk that was stored as of the same time', async () => {
    const [stored] = everyone;
    const { risk } = await explainRisk({ subscriptionId: stored!.subscriptionId, asOf: stored!.asOf });
    expect({ ...risk, contributions: risk!.contributions.slice(0, 5) }).toEqual(stored);
  });

  it.each([
    ['no subscription_id', {}, status.INVALID_ARGUMENT],
    ['a subscription that is not there', { subscriptionId: 'nobody' }, status.NOT_FOUND],
  ])('refuses %s', async (_what, request, code) => {
    expect((await errorOf(explainRisk(request))).code).toBe(code);
  });
});

describe('ListRisks', () => {
  it('lists everyone once, highest risk first and who is unknown last, whatever the page size', async () => {
    expect(everyone.length).toBeGreaterThan(20);
    const isUnknown = ({ band }: Risk) => Number(band === Band.UNKNOWN);
    const inOrder = [...everyone].sort(
      (a, b) =>
        isUnknown(a) - isUnknown(b) || b.risk - a.risk || (a.subscriptionId < b.subscriptionId ? -1 : 1),
    );
    expect(everyone).toEqual(inOrder);
    for (const risk of everyone) {
      expect(risk.renewalProbability === undefined).toBe(risk.band === Band.UNKNOWN);
      if (risk.band === Band.UNKNOWN) expect(risk.arrAtRiskMinor).toBeUndefined();
    }
    expect(everyone.at(-1)).toMatchObject({ subscriptionId: STRANGER, band: Band.UNKNOWN });
    for (const pageSize of [1, 7, everyone.length]) {
      const ids: string[] = [];
      let pageToken = '';
      do {
        const page = await listRisks({ pageSize, pageToken });
        expect(page.risks.length).toBeLessThanOrEqual(pageSize);
        ids.push(...page.risks.map(({ subscriptionId }) => subscriptionId));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(ids).toEqual(everyone.map(({ subscriptionId }) => subscriptionId));
    }
  });

  it('filters by band, account, segment and renewal', async () => {
    const one = everyone.find(({ segment }) => segment !== '')!;
    const soon = (risk: Risk) =>
      risk.renewal !== undefined &&
      risk.renewal.getTime() >= NOW &&
      risk.renewal.getTime() <= NOW + 60 * DAY_MS;
    const cases: [Partial<ListRisksRequest>, (risk: Risk) => boolean][] = [
      [{ bands: [Band.HIGH, Band.CRITICAL] }, ({ band }) => band === Band.HIGH || band === Band.CRITICAL],
      [{ accountId: one.accountId }, ({ accountId }) => accountId === one.accountId],
      [{ segment: one.segment }, ({ segment }) => segment === one.segment],
      [{ renewalWithinDays: 60 }, soon],
    ];
    for (const [filter, belongs] of cases) {
      const { risks } = await listRisks({ ...filter, pageSize: 1_000 });
      expect(risks).toEqual(everyone.filter(belongs));
    }
  });

  it('goes on from a token with another page size', async () => {
    const { nextPageToken } = await listRisks({ pageSize: 2 });
    const { risks } = await listRisks({ pageSize: 3, pageToken: nextPageToken });
    expect(risks).toEqual(everyone.slice(2, 5));
  });

  it('refuses a token of another query, or of nobody', async () => {
    const { nextPageToken } = await listRisks({ pageSize: 1 });
    const foreign: Partial<ListRisksRequest>[] = [
      { pageToken: nextPageToken, segment: 'smb' },
      { pageToken: 'made-up' },
      { pageToken: 'x'.repeat(100_000) },
      { pageToken: Buffer.from('{"query":1}').toString('base64url') },
    ];
    for (const request of foreign) {
      const error = await errorOf(listRisks(request));
      expect(error.code).toBe(status.INVALID_ARGUMENT);
      expect(error.details).toContain('page_token');
    }
  });

  it.each([
    ['a page_size over 1000', { pageSize: 1_001 }, 'page_size'],
    ['a band that is none', { bands: [Band.UNSPECIFIED] }, 'bands'],
    ['a number that no band has', { bands: [99 as Band] }, 'bands'],
    ['an account id longer than any can be', { accountId: 'ä'.repeat(129) }, 'account_id'],
  ])('refuses %s', async (_what, request, field) => {
    const error = await errorOf(listRisks(request));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain(`\`${field}\``);
  });
});
