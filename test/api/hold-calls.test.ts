import { createContextValues } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { expect, it } from 'vitest';
import { HeldBytes, type Holder } from '../../src/api/transport/held-bytes.js';
import { handedOver, holdCalls, holdStreams } from '../../src/api/transport/hold-calls.js';

/** A call whose connection is cut, as a socket is, when it is ended. */
function calling(body: AsyncIterable<Uint8Array>, session: string) {
  const ended: string[] = [];
  const holder: Holder = {
    closed: false,
    destroyed: false,
    session,
    once: () => {},
    close: () => ended.push(session),
  };
  const call = { body, contextValues: createContextValues() } as unknown as Parameters<UniversalHandler>[0];
  return { holder, call, ended };
}

async function* halves(bytes: number, rest: Promise<void>) {
  yield new Uint8Array(bytes);
  await rest;
}

/** Reads the request, and answers so many bytes. */
const handler = (answered: number) =>
  (async ({ body }: Parameters<UniversalHandler>[0]) => {
    for await (const _ of body as AsyncIterable<Uint8Array>);
    return { status: 200, body: halves(answered, Promise.resolve()) };
  }) as unknown as UniversalHandler;

const limits = () => ({
  requests: new HeldBytes({ bytes: 100_000, ms: 600_000 }),
  answers: new HeldBytes({ bytes: 100_000, ms: 600_000 }),
});

// Bug: requests by HTTP that never come whole took up to 4 MiB each on ten thousand connections; those of gRPC had a bound in all.
it('cuts off the connection that holds most of half requests, and no other', async () => {
  const held = limits();
  let rest = () => {};
  const waiting = new Promise<void>((resolve) => {
    rest = resolve;
  });
  const [little, much] = [calling(halves(30_000, waiting), 'a'), calling(halves(80_000, waiting), 'b')];
  const answers = [little, much].map(({ call, holder }) => holdCalls(handler(1), held, () => holder)(call));
  await new Promise(setImmediate);
  expect([...little.ended, ...much.ended]).toEqual(['b']);
  rest();
  await Promise.all(answers);
});

it('counts a request no longer once it is whole, and an answer while it is not read', async () => {
  const held = limits();
  const calls = [1, 2, 3].map((i) => calling(halves(60_000, Promise.resolve()), `${i}`));
  for (const { call, holder } of calls) {
    const { body } = await holdCalls(handler(60_000), held, () => holder)(call);
    expect(calls.flatMap(({ ended }) => ended)).toEqual([]);
    if (holder.session !== '1') continue;
    for await (const _ of body as AsyncIterable<Uint8Array>);
  }
  const [, , last] = calls;
  const { body } = await holdCalls(handler(60_000), held, () => last!.holder)(last!.call);
  for await (const _ of body as AsyncIterable<Uint8Array>);
  expect(calls.flatMap(({ ended }) => ended)).toHaveLength(1);
});

// Bug: what streams by HTTP held was in no sum.
it('counts of a stream what is no message yet, and of its answer what its caller does not take', async () => {
  const held = limits();
  const { holder, call, ended } = calling(halves(90_000, Promise.resolve()), 'a');
  const echo = (async ({ body }: Parameters<UniversalHandler>[0]) => ({
    status: 200,
    body: (async function* () {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        handedOver(holder, held);
        yield chunk;
        yield chunk;
      }
    })(),
  })) as unknown as UniversalHandler;
  const { body } = await holdStreams(echo, held, () => holder)(call);
  const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  // Taken one after the other, each is more than half of what may be held.
  await chunks.next();
  await chunks.next();
  expect(ended).toEqual([]);
  const other = calling(halves(90_000, Promise.resolve()), 'b');
  const again = (await holdStreams(echo, held, () => other.holder)(other.call)).body;
  await (again as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().next();
  expect([...ended, ...other.ended]).toHaveLength(1);
});
