import { afterEach, expect, it } from 'vitest';
import { Health } from '../../src/telemetry/health.js';
import { serveTelemetry, type TelemetryServer } from '../../src/telemetry/http.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

let server: TelemetryServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function served(health: Health) {
  server = await serveTelemetry('127.0.0.1:0', health, createMetrics());
  const { port } = server;
  return async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: answer.status, text: await answer.text() };
  };
}

it('a failing readiness check makes the process not ready but leaves it alive', async () => {
  const health = new Health();
  const get = await served(health);
  expect((await get('/readyz')).status).toBe(200);
  const remove = health.add('ready', 'store', () => 'The store refuses writes.');
  const answer = await get('/readyz');
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.text)).toMatchObject({
    ok: false,
    faults: { store: 'The store refuses writes.' },
  });
  expect((await get('/livez')).status).toBe(200);
  remove();
  expect((await get('/readyz')).status).toBe(200);
});

it('what is not alive is not ready, and a check that throws has failed', async () => {
  const health = new Health();
  const get = await served(health);
  health.add('live', 'loop', () => {
    throw new Error('broken');
  });
  expect((await get('/livez')).text).toContain('The check itself failed: broken');
  expect((await get('/readyz')).status).toBe(503);
});

it('serves Prometheus metrics, and tells what else there is', async () => {
  const get = await served(new Health());
  expect((await get('/metrics')).text).toContain('# TYPE perennial_ingest_messages_total counter');
  expect((await get('/elsewhere')).status).toBe(404);
  expect((await get('/livez', 'POST')).status).toBe(405);
});

it('says what to do when the port is taken', async () => {
  const get = await served(new Health());
  expect((await get('/livez')).status).toBe(200);
  await expect(
    serveTelemetry(`127.0.0.1:${server!.port}`, new Health(), createMetrics()),
  ).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('PERENNIAL_HTTP'),
  });
});
