// A bare grpc-js server in a process of its own: what a bystander waits for there is the machine's doing, and the library's where its lists
// are asked for and given up. Tells its parent its port.
// Argument: bytes of an answer.
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';

const same = (bytes) => bytes;
const answer = Buffer.alloc(Number(process.argv[2]));
const unary = (name) => ({
  path: `/perennial.v1.RiskService/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const server = new Server();
server.addService(
  { getRisk: unary('GetRisk'), listRisks: unary('ListRisks') },
  // A list that is never done: whoever asks gives up.
  { getRisk: (_call, callback) => callback(null, answer), listRisks: () => {} },
);
process.send(
  await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure()),
);
process.once('disconnect', () => server.forceShutdown());
