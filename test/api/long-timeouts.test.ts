import { credentials, Client as GrpcClient, Metadata, status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { shortenTimeouts } from '../../src/api/transport/long-timeouts.js';
import { serve } from './support.js';

// Bug: the library counts in 32 bits, and a call whose caller allowed it 25 days or more had failed before it began.
it('a call that may take forty days is answered', async () => {
  // A timer that goes off at once does so before one that is set after it.
  const risks = () => new Promise((resolve) => setTimeout(() => resolve([]), 20));
  const served = await serve({
    questions: { risks } as never,
    ingest: () => Promise.reject(new Error('none')),
  });
  const client = new GrpcClient(served.target, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const metadata = new Metadata();
  metadata.set('grpc-timeout', '1000H');
  const code = await new Promise((resolve) => {
    const path = '/perennial.v1.RiskService/ListRisks';
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, (error) =>
      resolve(error?.code ?? status.OK),
    );
  });
  expect(code).toBe(status.OK);
  client.close();
  await served.stop();
});

it.each([
  ['grpc-timeout', '596H', '596H'],
  ['grpc-timeout', '597H', '2147483S'],
  ['grpc-timeout', '99999999M', '2147483S'],
  ['grpc-timeout', '99999999S', '2147483S'],
  ['grpc-timeout', '99999999m', '99999999m'],
  ['grpc-timeout', 'soon', 'soon'],
  ['connect-timeout-ms', '2147483647', '2147483647'],
  ['connect-timeout-ms', '2147483648', '2147483647'],
  ['connect-timeout-ms', '-1', '-1'],
])('%s: %s is counted as %s', (name, sent, counted) => {
  const headers = { [name]: sent };
  shortenTimeouts(headers);
  expect(headers).toEqual({ [name]: counted });
});
