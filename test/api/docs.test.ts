import { readFileSync } from 'node:fs';
import { type DescMessage, fromJson, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAccessFile } from '../../src/access/access-file.js';
import { SCOPES } from '../../src/access/scope.js';
import { LANES } from '../../src/api/gate.js';
import * as client from '../../src/client/index.js';
import { formatAddress } from '../../src/core/address.js';
import { LIMITS } from '../../src/core/limits.js';
import { namedBlocks } from '../support/markdown.js';
import { all, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

const blocks = namedBlocks('docs/api.md');
const example = <D extends DescMessage>(name: string, schema: D): MessageShape<D> =>
  fromJson(schema, JSON.parse(blocks.get(`json ${name}`)!) as JsonValue);
/** An answer holds all that is shown of it. */
function expectShown<D extends DescMessage>(schema: D, answer: MessageShape<D>, name: string) {
  const shown = JSON.parse(blocks.get(`json ${name}`)!) as object;
  expect(toJson(schema, answer, { useProtoFieldName: true })).toMatchObject(shown);
}
let scored: ScoredEngine;
let api: Served;

beforeAll(async () => {
  scored = await scoredEngine(5);
  api = await serve(scored.engine, { http: { address: '127.0.0.1:0', origins: [] } });
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

describe('docs/api.md', () => {
  it('connects as it says', async () => {
    const printed: unknown[][] = [];
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...given: unknown[]) => Promise<void>;
    // A busy machine may need longer than the example's deadline.
    const text = blocks
      .get('ts first-risk')!
      .replace("import { connect } from 'perennial/client';", '')
      .replace('127.0.0.1:50051', api.target)
      .replace('timeoutMs: 500', 'timeoutMs: 30_000');
    const log = (...words: unknown[]) => printed.push(words);
    await new AsyncFunction('connect', 'console', text)(client.connect, { log });
    expect(printed).toHaveLength(1);
    expect(printed[0]![1]).toMatch(/\w+ \w+/);
  });

  it('shows pages and a watch as loops', async () => {
    const printed: unknown[][] = [];
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...given: unknown[]) => Promise<void>;
    const text = blocks
      .get('ts pages-and-watch')!
      .replace(/^import .*\n/, '')
      .replace('127.0.0.1:50051', api.target);
    const log = (...words: unknown[]) => printed.push(words);
    const { Band, connect, each, watch } = client;
    const run = new AsyncFunction('Band', 'connect', 'each', 'watch', 'console', text);
    await run(Band, connect, each, watch, { log });
    const { risks } = await api.client.risks.listRisks({
      filter: { bands: [Band.MEDIUM, Band.HIGH, Band.CRITICAL] },
    });
    expect(printed).toEqual(risks.map(({ subscriptionId }) => [subscriptionId]));
  });

  it('calls from a page as it says', async () => {
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...given: unknown[]) => Promise<unknown>;
    const text = blocks.get('js browser')!.replace('127.0.0.1:50052', formatAddress(api.server.http!));
    expect(await new AsyncFunction('token', `${text}\nreturn risk;`)('none')).toMatchObject({
      subscriptionId: 'sub-000002-1',
    });
  });

  it('shows a service config that a client takes', async () => {
    const options = { 'grpc.service_config': blocks.get('json service-config')! };
    const grpc = new GrpcClient(api.target, credentials.createInsecure(), options);
    await new Promise<void>((resolve, reject) =>
      grpc.waitForReady(Date.now() + 30_000, (error) => (error === undefined ? resolve() : reject(error))),
    );
    grpc.close();
    const named = JSON.parse(options['grpc.service_config']).methodConfig[0].name as { service: string }[];
    for (const { service } of named)
      expect(Object.values(client)).toContainEqual(expect.objectContaining({ typeName: service }));
  });

  it('shows an access file that can be used', () => {
    const { tokens, certificates, jwt } = parseAccessFile('access.yaml', blocks.get('yaml access')!);
    expect([tokens.length, certificates.length, jwt?.scope_claim]).toEqual([1, 1, 'scope']);
  });

  it('names every scope', () => {
    const text = readFileSync('docs/api.md', 'utf8');
    for (const scope of SCOPES) expect(text).toContain(`| \`${scope}\``);
  });

  it('shows a GetRisk and part of its answer', async () => {
    const answer = await api.client.risks.getRisk(example('GetRisk', client.GetRiskRequestSchema));
    expectShown(client.RiskSchema, answer, 'GetRiskAnswer');
  });

  it('shows calls that work', async () => {
    const { risks, decisions } = api.client;
    const batch = await risks.batchGetRisks(example('BatchGetRisks', client.BatchGetRisksRequestSchema));
    expect(batch.results.map(({ result }) => result.case)).toEqual(['risk', 'risk']);
    const listed = await risks.listRisks(example('ListRisks', client.ListRisksRequestSchema));
    expect(listed.risks).not.toEqual([]);
    const explained = await risks.explainRisk(example('ExplainRisk', client.ExplainRiskRequestSchema));
    expect(explained.rules).not.toEqual([]);
    const decided = await decisions.listDecisions(
      example('ListDecisions', client.ListDecisionsRequestSchema),
    );
    expect(decided.decisions).not.toEqual([]);
    const answer = await decisions.decide(example('Decide', client.DecideRequestSchema));
    expect(answer.risk?.subscriptionId).toBe('sub-000002-1');
  });

  it('shows customers, their events, and how subscriptions are sent', async () => {
    const { customers } = api.client;
    const customer = await customers.getCustomer(example('GetCustomer', client.GetCustomerRequestSchema));
    expect(customer.subscriptions).toMatchObject([{ subscription: { subscriptionId: 'sub-000002-1' } }]);
    const listed = await customers.listCustomerEvents(
      example('ListCustomerEvents', client.ListCustomerEventsRequestSchema),
    );
    expect(listed.events).not.toEqual([]);
    const sent = await customers.upsertSubscriptions(
      example('UpsertSubscriptions', client.UpsertSubscriptionsRequestSchema),
    );
    expect([sent.acceptedCount, sent.rejections]).toEqual([1, []]);
  });

  it('shows a check of rules and part of its answer', async () => {
    const answer = await api.client.rules.checkRules(example('CheckRules', client.CheckRulesRequestSchema));
    expectShown(client.CheckRulesResponseSchema, answer, 'CheckRulesAnswer');
  });

  it('shows a query that works', async () => {
    const request = example('RunQuery', client.RunQueryRequestSchema);
    const parts = await all(api.client.queries.runQuery(request));
    const text = Buffer.concat(parts.map(({ data }) => data)).toString();
    expect(JSON.parse(text.split('\n')[0]!)).toHaveProperty('band');
  });

  it('shows signals and what becomes of them', async () => {
    const request = example('IngestSignals', client.IngestSignalsRequestSchema);
    const answer = await api.client.signals.ingestSignals(request);
    expectShown(client.IngestSignalsResponseSchema, answer, 'IngestSignalsAnswer');
    const retracted = await api.client.retractions.retractRecords(
      example('RetractRecords', client.RetractRecordsRequestSchema),
    );
    expect(retracted.acceptedCount).toBe(1);
  });

  it('names the limits that hold', () => {
    expect([LIMITS.messageBytes, LIMITS.requestBytes, LIMITS.answerBytes]).toEqual([
      2 ** 20,
      2 ** 22,
      2 ** 22,
    ]);
    expect([LIMITS.pageSize, LIMITS.idBytes, LIMITS.callsOfConnection]).toEqual([1_000, 256, 1_000]);
    expect([LIMITS.recordsOfRequest, LIMITS.rejectionsInAnswer]).toEqual([20_000, 1_000]);
    const { work, lookup, write, query, stream } = LANES;
    expect([query.ofCaller, query.running]).toEqual([8, 2]);
    expect([work.ofCaller, work.running, lookup.ofCaller, write.ofCaller]).toEqual([32, 2, 512, 48]);
    expect([stream.ofCaller, stream.running]).toEqual([2_000, 4_000]);
  });
});
