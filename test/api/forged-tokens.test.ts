import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pageTokens } from '../../src/api/page-token.js';
import { Code } from '../../src/client/index.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

/*
 * Tokens of pages and watches say where to go on, and whoever has one can write another. Bug: times in them that no store and no message can
 * hold were INTERNAL, and an error in the log each.
 */

let scored: ScoredEngine;
let api: Served;

beforeAll(async () => {
  scored = await scoredEngine(12);
  api = await serve(scored.engine);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

type Call = (token: string) => Promise<{ readonly token: string }>;
const lists: Record<string, () => Promise<Call>> = {
  async ListRisks() {
    const { risks } = api.client;
    return async (pageToken) => ({
      token: (await risks.listRisks({ pageSize: 1, pageToken })).nextPageToken,
    });
  },
  async ListRiskHistory() {
    const { risks } = api.client;
    const subscriptionId = (await risks.listRisks({ pageSize: 1 })).risks[0]!.subscriptionId;
    // One pass is no history of two pages.
    const token = pageTokens('ListRiskHistory', z.any()).write(
      { before: NOW },
      { subscriptionId, from: null, before: null },
    );
    return async (pageToken) => {
      if (pageToken !== '') await risks.listRiskHistory({ subscriptionId, pageSize: 1, pageToken });
      return { token };
    };
  },
  async ListDecisions() {
    return async (pageToken) => {
      const request = { filter: { anyStatus: true }, pageSize: 1, pageToken };
      return { token: (await api.client.decisions.listDecisions(request)).nextPageToken };
    };
  },
  async ListCustomerEvents() {
    const { risks, customers } = api.client;
    const accountId = (await risks.listRisks({ pageSize: 1 })).risks[0]!.accountId;
    return async (pageToken) => ({
      token: (await customers.listCustomerEvents({ accountId, pageSize: 1, pageToken })).nextPageToken,
    });
  },
  async WatchRisks() {
    return async (resumeToken) => {
      for await (const response of api.client.risks.watchRisks({ resumeToken }))
        return { token: response.resumeToken };
      throw new Error('a watch has no end');
    };
  },
  async WatchDecisions() {
    return async (resumeToken) => {
      for await (const response of api.client.decisions.watchDecisions({ resumeToken }))
        return { token: response.resumeToken };
      throw new Error('a watch has no end');
    };
  },
};

interface Token {
  readonly query: string;
  readonly position: Readonly<Record<string, unknown>>;
}
const opened = (token: string) => JSON.parse(Buffer.from(token, 'base64url').toString()) as Token;
const sealed = (token: Token) => Buffer.from(JSON.stringify(token)).toString('base64url');
const TIMES = [
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  8_640_000_000_000_001,
  253_402_300_800_000,
  -62_135_596_800_001,
];

describe('a token with a time that is none', () => {
  it.each(Object.keys(lists))('is refused by %s', async (name) => {
    const call = await lists[name]!();
    const token = opened((await call('')).token);
    const times = Object.entries(token.position).filter(
      ([key, value]) => typeof value === 'number' && key !== 'position',
    );
    expect(times.length).toBeGreaterThan(0);
    for (const [key] of times)
      for (const time of TIMES) {
        const error = await errorOf(call(sealed({ ...token, position: { ...token.position, [key]: time } })));
        expect(error.code, `${key} ${time}`).toBe(Code.InvalidArgument);
        expect(violationsOf(error)[0]!.field).toMatch(/^(page|resume)_token$/);
      }
  });
});
