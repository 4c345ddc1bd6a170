// A caller that asks for a hundred lists at a time and gives up on each after five milliseconds, until its parent says stop. Argument: port.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { ListRisksRequestSchema } from '../dist/client/index.js';

const PATH = '/perennial.v1.RiskService/ListRisks';
const same = (bytes) => bytes;
const request = Buffer.from(
  toBinary(ListRisksRequestSchema, create(ListRisksRequestSchema, { pageSize: 1_000 })),
);
const client = new Client(`127.0.0.1:${process.argv[2]}`, credentials.createInsecure());
let over = false;
let asked = 0;
const list = () =>
  new Promise((resolve) => {
    asked++;
    client.makeUnaryRequest(PATH, same, same, request, { deadline: Date.now() + 5 }, () => resolve());
  });
const loop = async () => {
  while (!over) {
    await list();
    // Whoever is refused comes again, and not at once.
    await pause(100);
  }
};
const loops = Promise.all(Array.from({ length: 100 }, loop));
process.send('begun');
await once(process, 'message');
over = true;
await loops;
client.close();
process.send({ asked });
process.disconnect();
