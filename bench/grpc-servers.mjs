// The servers of grpc.mjs: Perennial over a simulated business, the same without its memory of latest risks, and a bare
// grpc-js server that answers Perennial's bytes. Tells its parent the ports, does what it says, and stops when told.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { startApi } from '../dist/api/server.js';
import { GetRiskRequestSchema } from '../dist/client/index.js';
import { localDecider } from '../dist/engine/decider.js';
import { loadDefinitions } from '../dist/engine/definitions.js';
import { Engine } from '../dist/engine/engine.js';
import { writeBatch } from '../dist/ingest/batch-writer.js';
import { EMPTY_CATALOGUE } from '../dist/signals/catalogue.js';
import { DEFAULT_END } from '../dist/simulate/model.js';
import { simulate } from '../dist/simulate/simulate.js';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { Health } from '../dist/telemetry/health.js';
import { silentLogger } from '../dist/telemetry/log.js';
import { seedDecisions } from './grpc-decide.mjs';

const project = (folder) => fileURLToPath(new URL(`../${folder}`, import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
const store = await openStore({ dataDir });
await migrate(store);
let now = DEFAULT_END;
const clock = () => now;
const log = silentLogger();
const definitions = await loadDefinitions(store, project('scoring'), project('rules'));
const engineWith = (latestRisks) =>
  new Engine({ store, definitions, clock, log, fullRescoreEveryMs: null, latestRisks });

const records = simulate({ seed: 1, accounts: Number(process.argv[2]), days: 90 }).records();
let offset = 0;
let batch = [];
for (const { record, receivedAt } of records) {
  batch.push({ record, receivedAt, origin: { topic: 'simulated', partition: 0, offset: offset++ } });
  if (batch.length < 20_000) continue;
  await writeBatch(store, batch);
  batch = [];
}
await writeBatch(store, batch);

const engine = engineWith({});
await engine.rescoreAll();
const ids = (await engine.questions.risks({}, 1_000)).map(({ subscriptionId }) => subscriptionId);
const serve = (engine) =>
  startApi({
    engine,
    store,
    decider: localDecider(engine),
    catalogue: () => EMPTY_CATALOGUE,
    health: new Health(),
    clock,
    log,
    address: '127.0.0.1:0',
  });
const perennial = await serve(engine);
const unremembered = await serve(engineWith({ entries: 1, ttlMs: 1 }));

const same = (bytes) => bytes;
const getRisk = {
  path: '/perennial.v1.RiskService/GetRisk',
  requestStream: false,
  responseStream: false,
  requestSerialize: (request) =>
    Buffer.from(toBinary(GetRiskRequestSchema, create(GetRiskRequestSchema, request))),
  requestDeserialize: (bytes) => fromBinary(GetRiskRequestSchema, bytes),
  responseSerialize: same,
  responseDeserialize: same,
};
const client = new Client(`127.0.0.1:${perennial.address.port}`, credentials.createInsecure());
const ask = promisify(client.makeUnaryRequest.bind(client, getRisk.path, getRisk.requestSerialize, same));
const answers = new Map();
for (const id of ids) answers.set(id, await ask({ subject: { case: 'subscriptionId', value: id } }));
client.close();

const watchRisks = {
  path: '/perennial.v1.RiskService/WatchRisks',
  requestStream: false,
  responseStream: true,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
const watching = new Set();
const bare = new Server();
bare.addService(
  { getRisk, watchRisks },
  {
    getRisk: (call, callback) => callback(null, answers.get(call.request.subject.value)),
    watchRisks: (call) => {
      watching.add(call);
      call.once('cancelled', () => watching.delete(call));
      call.write(Buffer.alloc(0));
    },
  },
);
const barePort = await promisify(bare.bindAsync.bind(bare))(
  '127.0.0.1:0',
  ServerCredentials.createInsecure(),
);

process.send({
  ids,
  ports: {
    perennial: perennial.address.port,
    unremembered: unremembered.address.port,
    bare: barePort,
  },
});
const accounts = (await engine.questions.risks({}, 10)).map(({ accountId }) => accountId);
const tasks = {
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6 };
  },
  // A day later risks are others, and those who watch hear of it.
  rescore: async () => {
    now += 86_400_000;
    await engine.rescoreAccounts(accounts);
  },
  seed: ({ decisions }) => seedDecisions(store, decisions),
  write: ({ bytes }) => {
    const message = Buffer.from(bytes, 'base64');
    for (const call of watching) call.write(message);
  },
};
for (;;) {
  const [message] = await once(process, 'message');
  if (message === 'stop') break;
  const [task, given] = typeof message === 'string' ? [message, {}] : [message.task, message];
  process.send((await tasks[task](given)) ?? {});
}
bare.forceShutdown();
await Promise.all([perennial.stop(1_000), unremembered.stop(1_000)]);
await store.close();
rmSync(dataDir, { recursive: true, force: true });
process.disconnect();
