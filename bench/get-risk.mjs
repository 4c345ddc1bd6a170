// GetRisk of latest risks against a bare grpc-js server that answers the same bytes from a map. Both servers live in one child
// process, the client in this one; the sides are measured in turn. Run with `npm run bench:get-risk [-- --json]`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { RiskServiceService } from '../dist/gen/perennial/v1/risk.js';
import { inTurn, MACHINE, quantile, report } from './harness.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    accounts: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '3000' },
  },
});
const calls = Number(options.calls);
const rounds = Number(options.rounds);
const { getRisk } = RiskServiceService;

const servers = fork(fileURLToPath(new URL('get-risk-servers.mjs', import.meta.url)), [options.accounts]);
const [started] = await once(servers, 'message');
const { ids, ports } = started;
const clients = Object.fromEntries(
  Object.entries(ports).map(([name, port]) => [
    name,
    new Client(`127.0.0.1:${port}`, credentials.createInsecure()),
  ]),
);

/** The answer's bytes, undecoded: decoding would be the same work on both sides. */
function ask(client, subscriptionId) {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      getRisk.path,
      getRisk.requestSerialize,
      (bytes) => bytes,
      { subscriptionId, asOf: undefined },
      (error, bytes) => (error === null ? resolve(bytes) : reject(error)),
    );
  });
}

/** Calls a second with so many under way at once. */
async function rate(client, atOnce, count) {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await ask(client, ids[next++ % ids.length]);
    }),
  );
  return (count / (performance.now() - started)) * 1_000;
}

/** Calls to a second of the servers' processor time: what a busy machine around them does not change. */
async function ratePerCpu(client, atOnce, count) {
  const before = await cpuSeconds();
  await rate(client, atOnce, count);
  return count / ((await cpuSeconds()) - before);
}

async function cpuSeconds() {
  servers.send('cpu');
  const [answer] = await once(servers, 'message');
  return answer.cpuSeconds;
}

/** Milliseconds of each call, one after another. */
async function latencies(client, count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await ask(client, ids[i % ids.length]);
    times.push(performance.now() - started);
  }
  return times;
}

try {
  let bytes = 0;
  for (const id of ids) {
    const [ours, bare] = [await ask(clients.perennial, id), await ask(clients.bare, id)];
    if (Buffer.compare(ours, bare) !== 0) throw new Error(`the answers for ${id} differ`);
    bytes += ours.length;
  }
  const what = `${ids.length} subscriptions, ${Math.round(bytes / ids.length)} bytes an answer`;

  for (const atOnce of [64, 1]) {
    const count = atOnce === 1 ? calls / 2 : calls;
    const result = await inTurn(
      rounds,
      () => rate(clients.perennial, atOnce, count),
      () => rate(clients.bare, atOnce, count),
    );
    let latency = '';
    if (atOnce === 1) {
      const ms = (times, q) => quantile(times, q).toFixed(2);
      const [ours, bare] = [await latencies(clients.perennial, count), await latencies(clients.bare, count)];
      latency = `; p50 ${ms(ours, 0.5)} and ${ms(bare, 0.5)} ms, p99 ${ms(ours, 0.99)} and ${ms(bare, 0.99)} ms, client included`;
    }
    const config = `${what}, ${atOnce} at once, ${rounds} rounds of ${count}${latency}; ${MACHINE}`;
    report({ name: atOnce === 1 ? 'get-risk.one' : 'get-risk', config, ...result }, options.json);
  }

  const perCpu = await inTurn(
    rounds,
    () => ratePerCpu(clients.perennial, 64, calls),
    () => ratePerCpu(clients.bare, 64, calls),
  );
  const cpuConfig = `${what}, calls to a second of server processor time, 64 at once, ${rounds} rounds of ${calls}; ${MACHINE}`;
  report({ name: 'get-risk.cpu', config: cpuConfig, ...perCpu }, options.json);

  const few = 200;
  const stored = await inTurn(
    3,
    () => rate(clients.unremembered, 8, few),
    () => rate(clients.bare, 8, few),
  );
  const config = `${what}, 8 at once, 3 rounds of ${few}, nothing in memory: every call asks the embedded store; ${MACHINE}`;
  report({ name: 'get-risk.from-store', config, ...stored }, options.json);
} finally {
  for (const client of Object.values(clients)) client.close();
  servers.send('stop');
  await once(servers, 'exit');
}
