// The API against a bare grpc-js server that answers the same bytes from a map. Both servers live in one child process, the client in this
// one; the sides are measured in turn. Run with `npm run bench:grpc [-- --json]`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { BatchGetRisksRequestSchema, GetRiskRequestSchema } from '../dist/client/index.js';
import { decideP50 } from './grpc-decide.mjs';
import { openWatches } from './grpc-watch.mjs';
import { inTurn, MACHINE, quantile, report } from './harness.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    accounts: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '3000' },
    decisions: { type: 'string', default: '2000000' },
  },
});
const calls = Number(options.calls);
const rounds = Number(options.rounds);
const RISKS = '/perennial.v1.RiskService';

const servers = fork(fileURLToPath(new URL('grpc-servers.mjs', import.meta.url)), [options.accounts]);
const [started] = await once(servers, 'message');
const { ids, ports } = started;
const clients = Object.fromEntries(
  Object.entries(ports).map(([name, port]) => [
    name,
    new Client(`127.0.0.1:${port}`, credentials.createInsecure()),
  ]),
);
const requests = new Map(
  ids.map((id) => [
    id,
    Buffer.from(
      toBinary(
        GetRiskRequestSchema,
        create(GetRiskRequestSchema, { subject: { case: 'subscriptionId', value: id } }),
      ),
    ),
  ]),
);

const same = (bytes) => bytes;

/** The answer's bytes, undecoded: decoding would be the same work on both sides. */
function call(client, path, request) {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, request, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}
const ask = (client, id) => call(client, `${RISKS}/GetRisk`, requests.get(id));

/** Calls a second with so many in flight; the time of each goes to `times`. */
async function rate(client, atOnce, count, times = []) {
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) {
        const asked = performance.now();
        await ask(client, ids[next++ % ids.length]);
        times.push(performance.now() - asked);
      }
    }),
  );
  return (count / (performance.now() - began)) * 1_000;
}

/** Calls to a second of the servers' processor time: what a busy machine around them does not change. */
async function ratePerCpu(client, atOnce, count) {
  const before = await cpuSeconds();
  await rate(client, atOnce, count);
  return count / ((await cpuSeconds()) - before);
}

/** Has the servers do something, and resolves to what they say of it. */
async function order(message) {
  servers.send(message);
  const [answer] = await once(servers, 'message');
  return answer;
}

async function cpuSeconds() {
  return (await order('cpu')).cpuSeconds;
}

/** 99th percentile of the milliseconds of a call. */
async function p99(client, atOnce, count) {
  const times = [];
  await rate(client, atOnce, count, times);
  return quantile(times, 0.99);
}

/** Has another process ask this port for lists and give up, until what it resolves to is called; that resolves to how many it asked for. */
async function askAndGiveUp(port) {
  const noise = fork(fileURLToPath(new URL('grpc-noise.mjs', import.meta.url)), [String(port)]);
  await once(noise, 'message');
  return async () => {
    noise.send('stop');
    const [{ asked }] = await once(noise, 'message');
    return asked;
  };
}

/** Subscriptions a second by BatchGetRisks. */
async function batchRate(client, count) {
  const subscriptionIds = Array.from({ length: 1_000 }, (_, i) => ids[i % ids.length]);
  const request = Buffer.from(
    toBinary(BatchGetRisksRequestSchema, create(BatchGetRisksRequestSchema, { subscriptionIds })),
  );
  const began = performance.now();
  for (let i = 0; i < count; i++) await call(client, `${RISKS}/BatchGetRisks`, request);
  return ((count * subscriptionIds.length) / (performance.now() - began)) * 1_000;
}

try {
  let bytes = 0;
  for (const id of ids) {
    const [ours, bare] = [await ask(clients.perennial, id), await ask(clients.bare, id)];
    if (Buffer.compare(ours, bare) !== 0) throw new Error(`the answers for ${id} differ`);
    bytes += ours.length;
  }
  const answerBytes = Math.round(bytes / ids.length);
  const what = `${ids.length} subscriptions, ${answerBytes} bytes an answer`;
  const told = (name, config, result) =>
    report({ name, config: `${what}, ${config}; ${MACHINE}`, ...result }, options.json);

  for (const [name, atOnce] of [
    ['grpc.get', 64],
    ['grpc.get.one', 1],
  ]) {
    const count = atOnce === 1 ? calls / 2 : calls;
    const sides = (measure) =>
      inTurn(
        rounds,
        () => measure(clients.perennial, atOnce, count),
        () => measure(clients.bare, atOnce, count),
      );
    told(name, `${atOnce} in flight, ${rounds} rounds of ${count}`, await sides(rate));
    const slow = await sides(p99);
    const text = `${slow.value.toFixed(2)} ms, ${(slow.value / slow.baseline).toFixed(3)} of ${slow.baseline.toFixed(2)} ms`;
    told(`${name}.p99`, `${atOnce} in flight, ${rounds} rounds of ${count}, client included`, {
      ...slow,
      text,
    });
  }

  const perCpu = await inTurn(
    rounds,
    () => ratePerCpu(clients.perennial, 64, calls),
    () => ratePerCpu(clients.bare, 64, calls),
  );
  told('grpc.get.cpu', `calls to a second of server processor time, 64 in flight, ${rounds} rounds`, perCpu);

  const stored = await inTurn(
    3,
    () => rate(clients.unremembered, 8, 200),
    () => rate(clients.bare, 8, 200),
  );
  told('grpc.get.store', '8 in flight, nothing in memory: every call asks the embedded store', stored);

  const batch = await inTurn(
    rounds,
    () => batchRate(clients.perennial, 20),
    () => rate(clients.perennial, 64, calls),
  );
  told('grpc.batch', 'subscriptions a second, 1,000 a call, against single gets, 64 in flight', batch);

  const watches = await openWatches(ports.perennial);
  const bareWatches = await openWatches(ports.bare);
  let bytesOfChange;
  const fanOut = await inTurn(
    rounds,
    async () => {
      const measured = await watches.rate(() => order('rescore'));
      bytesOfChange = measured.bytes;
      return measured.rate;
    },
    async () => (await bareWatches.rate(() => order({ task: 'write', bytes: bytesOfChange }))).rate,
  );
  watches.close();
  bareWatches.close();
  told('grpc.watch', 'risks a second to 1,000 streams on 4 connections, from the first to the last', fanOut);

  const elsewhere = fork(fileURLToPath(new URL('grpc-bare.mjs', import.meta.url)), [String(answerBytes)]);
  const [port] = await once(elsewhere, 'message');
  clients.elsewhere = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  await p99(clients.elsewhere, 1, calls / 2);
  const quiet = await p99(clients.perennial, 1, calls / 2);
  const stop = await askAndGiveUp(ports.perennial);
  const beside = await p99(clients.perennial, 1, calls / 2);
  const machine = await p99(clients.elsewhere, 1, calls / 2);
  const asked = await stop();
  const stopBare = await askAndGiveUp(port);
  const bare = await p99(clients.elsewhere, 1, calls / 2);
  await stopBare();
  elsewhere.disconnect();
  told(
    'grpc.bystander.p99',
    `1 in flight, beside 100 lists at a time, ${asked} of them given up after 5 ms`,
    {
      value: beside,
      baseline: quiet,
      text: `${beside.toFixed(2)} ms, ${(beside / quiet).toFixed(3)} of ${quiet.toFixed(2)} ms; a bare server that is asked for them: ${bare.toFixed(2)} ms, one beside: ${machine.toFixed(2)} ms`,
    },
  );

  const few = await decideP50(call, clients.perennial, ids);
  const decisions = Number(options.decisions);
  await order({ task: 'seed', decisions });
  const many = await decideP50(call, clients.perennial, ids);
  told(
    'grpc.decide',
    `median of 60, warm, with ${decisions.toLocaleString('en-US')} decisions in the store, against a store without them`,
    {
      value: many,
      baseline: few,
      text: `${many.toFixed(1)} ms, ${(many / few).toFixed(3)} of ${few.toFixed(1)} ms`,
    },
  );
} finally {
  for (const client of Object.values(clients)) client.close();
  servers.send('stop');
  await once(servers, 'exit');
}
