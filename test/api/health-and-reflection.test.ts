import { once } from 'node:events';
import { createClient } from '@connectrpc/connect';
import { credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Code } from '../../src/client/index.js';
import { HealthCheckResponse_ServingStatus, Health as HealthPb } from '../../src/gen/health/v1/health_pb.js';
import { Health } from '../../src/telemetry/health.js';
import { projectFile } from '../support/project.js';
import { errorOf, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

let scored: ScoredEngine;
beforeAll(async () => {
  scored = await scoredEngine(2);
}, 120_000);
afterAll(() => scored.close());

describe('health', () => {
  const clientOf = (served: Served) => createClient(HealthPb, served.client.transport);

  it('follows what the process itself says, at once for those who ask', async () => {
    const health = new Health();
    let fault: string | undefined;
    health.add('ready', 'store', () => fault);
    const served = await serve(scored.engine, { health });
    const client = clientOf(served);
    const check = async (service = '') => (await client.check({ service })).status;
    for (const service of ['', 'perennial.v1.RiskService', 'perennial.v1.SignalService'])
      expect(await check(service)).toBe(SERVING);
    fault = 'The store refuses writes.';
    expect(await check()).toBe(NOT_SERVING);
    fault = undefined;
    expect(await check()).toBe(SERVING);
    expect((await errorOf(check('nothing'))).code).toBe(Code.NotFound);
    await served.stop();
  });

  it('tells watchers of each change, and of the end', async () => {
    const health = new Health();
    let fault: string | undefined;
    health.add('ready', 'store', () => fault);
    const served = await serve(scored.engine, { health });
    const watch = clientOf(served).watch({ service: '' }, { timeoutMs: 0 })[Symbol.asyncIterator]();
    const next = async () => (await watch.next()).value?.status;
    expect(await next()).toBe(SERVING);
    fault = 'The store refuses writes.';
    expect(await next()).toBe(NOT_SERVING);
    fault = undefined;
    expect(await next()).toBe(SERVING);
    const stopped = served.server.stop();
    expect(await next()).toBe(NOT_SERVING);
    expect((await watch.next()).done).toBe(true);
    await stopped;
    await served.stop();
  });
});

describe('reflection', () => {
  type Reflection = {
    ServerReflectionInfo(): NodeJS.ReadWriteStream & { end(): void };
  };
  interface Answer {
    list_services_response?: { service: { name: string }[] };
    file_descriptor_response?: { file_descriptor_proto: Buffer[] };
    error_response?: { error_code: number };
  }

  it.each(['v1', 'v1alpha'])(
    '%s lists the services and gives descriptors that hold together',
    async (version) => {
      const served = await serve(scored.engine);
      const definition = loadSync(
        projectFile(`node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`),
        { keepCase: true },
      );
      const loaded = loadPackageDefinition(definition) as unknown as {
        grpc: {
          reflection: Record<
            string,
            { ServerReflection: new (...args: unknown[]) => Reflection & { close(): void } }
          >;
        };
      };
      const Client = loaded.grpc.reflection[version]!.ServerReflection;
      const client = new Client(served.target, credentials.createInsecure());
      const stream = client.ServerReflectionInfo();
      const request = async (message: object): Promise<Answer> => {
        const answer = once(stream, 'data');
        stream.write(message as unknown as string);
        return ((await answer) as [Answer])[0];
      };

      const { list_services_response: list } = await request({ list_services: '' });
      expect(list?.service.map(({ name }) => name).sort()).toEqual([
        'grpc.health.v1.Health',
        'perennial.v1.CustomerService',
        'perennial.v1.DecisionService',
        'perennial.v1.QueryService',
        'perennial.v1.RetractionService',
        'perennial.v1.RiskOverrideService',
        'perennial.v1.RiskService',
        'perennial.v1.RuleService',
        'perennial.v1.RunService',
        'perennial.v1.SignalService',
      ]);
      const { file_descriptor_response: files } = await request({
        file_containing_symbol: 'perennial.v1.RiskService',
      });
      const text = Buffer.concat(files?.file_descriptor_proto ?? []);
      for (const file of ['perennial/v1/risk.proto', 'google/protobuf/timestamp.proto'])
        expect(text.includes(file)).toBe(true);
      const unknown = await request({ file_containing_symbol: 'no.such.Thing' });
      expect(unknown.error_response?.error_code).toBe(status.NOT_FOUND);
      stream.end();
      client.close();
      await served.stop();
    },
  );
});
