import { once } from 'node:events';
import { type ClientReadableStream, credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HealthCheckRequest,
  HealthCheckResponse_ServingStatus,
  HealthClient,
} from '../../src/gen/health/v1/health.js';
import { Health } from '../../src/telemetry/health.js';
import { projectFile } from '../support/project.js';
import { ask, errorOf, type ScoredEngine, scoredEngine, serve } from './support.js';

const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

let scored: ScoredEngine;
beforeAll(async () => {
  scored = await scoredEngine(2);
}, 120_000);
afterAll(() => scored.close());

describe('health', () => {
  const check = (client: HealthClient, service = '') =>
    ask(client, client.check, HealthCheckRequest.fromPartial({ service }));

  it('follows what the process itself says, at once for who asks', async () => {
    const health = new Health();
    let fault: string | undefined;
    health.add('ready', 'store', () => fault);
    const served = await serve(scored.engine, { health });
    const client = new HealthClient(served.target, credentials.createInsecure());
    for (const service of ['', 'perennial.v1.RiskService', 'perennial.v1.SignalService'])
      expect((await check(client, service)).status).toBe(SERVING);
    fault = 'The store refuses writes.';
    expect((await check(client)).status).toBe(NOT_SERVING);
    fault = undefined;
    expect((await check(client)).status).toBe(SERVING);
    expect((await errorOf(check(client, 'nothing'))).code).toBe(status.NOT_FOUND);
    client.close();
    await served.stop();
  });

  it('tells watchers of each change, and of the end', async () => {
    const health = new Health();
    let fault: string | undefined;
    health.add('ready', 'store', () => fault);
    const served = await serve(scored.engine, { health });
    const client = new HealthClient(served.target, credentials.createInsecure());
    const watch = client.watch(HealthCheckRequest.create()) as ClientReadableStream<{ status: number }>;
    const seen: number[] = [];
    const next = async () => {
      const [message] = (await once(watch, 'data')) as [{ status: number }];
      seen.push(message.status);
    };
    await next();
    fault = 'The store refuses writes.';
    await next();
    fault = undefined;
    await next();
    const last = next();
    const ended = once(watch, 'end');
    const stopped = served.stop();
    await last;
    await ended;
    expect(seen).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    await stopped;
    client.close();
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
        'perennial.v1.DecisionService',
        'perennial.v1.RiskService',
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
