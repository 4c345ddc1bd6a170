// WatchRisks to a thousand streams, beside a bare grpc-js server that writes the same bytes to as many.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { WatchRisksRequestSchema, WatchRisksResponseSchema } from '../dist/client/index.js';

const STREAMS = 1_000;
/** Connections that they come on: a server takes a thousand streams of one. */
const CONNECTIONS = 4;
const PATH = '/perennial.v1.RiskService/WatchRisks';
const same = (bytes) => bytes;
const REQUEST = Buffer.from(toBinary(WatchRisksRequestSchema, create(WatchRisksRequestSchema)));

/** Opens the streams at a port, and resolves once each has said its first word. */
export async function openWatches(port) {
  const clients = Array.from(
    { length: CONNECTIONS },
    () =>
      new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  let received = () => {};
  const calls = await Promise.all(
    Array.from(
      { length: STREAMS },
      (_, i) =>
        new Promise((resolve, reject) => {
          const call = clients[i % CONNECTIONS].makeServerStreamRequest(PATH, same, same, REQUEST);
          call.once('data', () => {
            call.on('data', (bytes) => received(bytes));
            resolve(call);
          });
          call.on('error', reject);
        }),
    ),
  );
  return {
    /** Risks a second that reach all streams, from the first to come to the last, and the bytes that each got. `begin` has the server send. */
    async rate(begin) {
      let began = 0;
      let risks = 0;
      let streams = 0;
      let message;
      const done = new Promise((resolve) => {
        received = (bytes) => {
          const { length } = fromBinary(WatchRisksResponseSchema, bytes).risks;
          if (length === 0) return;
          if (began === 0) began = performance.now();
          risks += length;
          message = bytes;
          if (++streams === STREAMS) resolve();
        };
      });
      const begun = begin();
      await done;
      const ended = performance.now();
      await begun;
      return { rate: (risks / (ended - began)) * 1_000, bytes: Buffer.from(message).toString('base64') };
    },
    close() {
      for (const call of calls) {
        call.removeAllListeners('error');
        call.on('error', () => {});
        call.cancel();
      }
      for (const client of clients) client.close();
    },
  };
}
