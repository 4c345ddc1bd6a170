import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { ListDecisionsRequest } from '../../src/gen/perennial/v1/decision.js';
import {
  ExplainRiskRequest,
  GetRiskRequest,
  GetRiskResponse,
  ListRisksRequest,
  RiskServiceClient,
} from '../../src/gen/perennial/v1/risk.js';
import { IngestSignalsRequest, IngestSignalsResponse } from '../../src/gen/perennial/v1/signal.js';
import { namedBlocks } from '../support/markdown.js';
import { ask, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

const blocks = namedBlocks('docs/api.md');
const example = (name: string): unknown => JSON.parse(blocks.get(`json ${name}`)!);
let scored: ScoredEngine;
let api: Served;

beforeAll(async () => {
  scored = await scoredEngine(5);
  api = await serve(scored.engine);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

describe('docs/api.md', () => {
  it('connects as it says', async () => {
    const printed: unknown[][] = [];
    const names = ['RiskServiceClient', 'GetRiskRequest', 'Metadata', 'credentials', 'address', 'console'];
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...given: unknown[]) => Promise<void>;
    // A busy machine may need longer than the example's deadline.
    const text = blocks.get('js connect')!.replace('+ 500', '+ 30_000');
    await new AsyncFunction(...names, text)(
      RiskServiceClient,
      GetRiskRequest,
      Metadata,
      credentials,
      api.target,
      { log: (...words: unknown[]) => printed.push(words) },
    );
    expect(printed).toHaveLength(1);
    expect(printed[0]![1]).toMatch(/\w+ \w+/);
  });

  it('shows a GetRisk and part of its answer', async () => {
    const answer = await ask(api.risks, api.risks.getRisk, GetRiskRequest.fromJSON(example('GetRisk')));
    const shown = example('GetRiskAnswer') as { risk: Record<string, unknown> };
    const asShown = GetRiskResponse.toJSON(GetRiskResponse.fromJSON(shown)) as { risk: object };
    expect(GetRiskResponse.toJSON(answer)).toMatchObject(asShown);
    expect(Object.keys(asShown.risk)).toHaveLength(Object.keys(shown.risk).length);
  });

  it('shows calls that work', async () => {
    const risks = await ask(api.risks, api.risks.listRisks, ListRisksRequest.fromJSON(example('ListRisks')));
    expect(risks.risks).not.toEqual([]);
    const explained = await ask(
      api.risks,
      api.risks.explainRisk,
      ExplainRiskRequest.fromJSON(example('ExplainRisk')),
    );
    expect(explained.rules).not.toEqual([]);
    const decided = await ask(
      api.decisions,
      api.decisions.listDecisions,
      ListDecisionsRequest.fromJSON(example('ListDecisions')),
    );
    expect(decided.decisions).not.toEqual([]);
  });

  it('shows a stream of signals and its answer', async () => {
    const requests = example('IngestSignals') as unknown[];
    const answer = await new Promise<IngestSignalsResponse>((resolve, reject) => {
      const call = api.signals.ingestSignals((error, response) =>
        error === null ? resolve(response) : reject(error),
      );
      for (const request of requests) call.write(IngestSignalsRequest.fromJSON(request));
      call.end();
    });
    expect(IngestSignalsResponse.toJSON(answer)).toMatchObject(
      IngestSignalsResponse.toJSON(IngestSignalsResponse.fromJSON(example('IngestSignalsAnswer'))) as object,
    );
  });

  it('names the limits that hold', () => {
    expect([LIMITS.messageBytes, LIMITS.answerBytes]).toEqual([2 ** 20, 2 ** 22]);
    expect([LIMITS.pageSize, LIMITS.idBytes, LIMITS.callsOfConnection]).toEqual([1_000, 256, 1_000]);
    expect([LIMITS.signalStreams, LIMITS.rejectionsInAnswer]).toEqual([64, 1_000]);
  });
});
