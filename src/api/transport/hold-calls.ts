import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { type HeldBytes, type Holder, SMALL_BYTES } from './held-bytes.js';

type CallOfConnect = Parameters<UniversalHandler>[0];

/** Counts what has come of a unary request until it is whole, and its answer until that is read or its connection closed. */
export function holdCalls(
  handler: UniversalHandler,
  { requests, answers }: { readonly requests: HeldBytes; readonly answers: HeldBytes },
  holderOf: (call: CallOfConnect) => Holder,
): UniversalHandler {
  const answer: (...given: Parameters<UniversalHandler>) => ReturnType<UniversalHandler> = async (call) => {
    const holder = holderOf(call);
    const body = isStream(call.body) ? untilWhole(call.body, requests, holder) : call.body;
    const answered = await handler({ ...call, body });
    if (!isStream(answered.body)) return answered;
    return { ...answered, body: eachCounted(answered.body, answers, holder) };
  };
  return Object.assign(answer, handler);
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

async function* untilWhole(
  chunks: AsyncIterable<Uint8Array>,
  held: HeldBytes,
  holder: Holder,
): AsyncGenerator<Uint8Array> {
  try {
    yield* eachCounted(chunks, held, holder);
  } finally {
    held.release(holder);
  }
}

async function* eachCounted(
  chunks: AsyncIterable<Uint8Array>,
  held: HeldBytes,
  holder: Holder,
): AsyncGenerator<Uint8Array> {
  let small = 0;
  for await (const chunk of chunks) {
    small += chunk.length;
    if (small > SMALL_BYTES) {
      held.hold(holder, small);
      small = 0;
    }
    yield chunk;
  }
}
