import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { type HeldBytes, type Holder, SMALL_BYTES } from './held-bytes.js';

type CallOfConnect = Parameters<UniversalHandler>[0];

/** What the server holds for callers. */
export interface Holding {
  readonly requests: HeldBytes;
  readonly answers: HeldBytes;
}

/** Counts what has come of a unary request until it is whole, and its answer until that is read or its connection closed. */
export const holdCalls = holding(eachCounted);

/**
 * The same for a call with a stream, or more of them: what has come is held until it is a message and `handedOver`, and each part of the
 * answer until the caller takes it.
 */
export const holdStreams = holding(eachUntilTaken);

type Counted = typeof eachCounted;

function holding(countedAnswer: Counted) {
  return (
    handler: UniversalHandler,
    { requests, answers }: Holding,
    holderOf: (call: CallOfConnect) => Holder,
  ): UniversalHandler => {
    const answer: (...given: Parameters<UniversalHandler>) => ReturnType<UniversalHandler> = async (call) => {
      const holder = holderOf(call);
      const body = isStream(call.body) ? untilWhole(call.body, requests, holder) : call.body;
      const answered = await handler({ ...call, body });
      if (!isStream(answered.body)) return answered;
      return { ...answered, body: countedAnswer(answered.body, answers, holder) };
    };
    return Object.assign(answer, handler);
  };
}

/** A message of a stream is in other hands: what has come since, of the next, is less than a chunk. */
export function handedOver(holder: Holder, { requests }: Holding): void {
  // All of it, and the stream goes on.
  requests.release(holder, Number.MAX_SAFE_INTEGER);
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

/** However little it is: a caller that takes nothing holds up what makes the answer. */
async function* eachUntilTaken(
  chunks: AsyncIterable<Uint8Array>,
  held: HeldBytes,
  holder: Holder,
): AsyncGenerator<Uint8Array> {
  const parts = chunks[Symbol.asyncIterator]();
  // The library waits for ever until a caller takes a part, also one whose connection is closed.
  const end = () => void Promise.resolve(parts.return?.()).catch(() => {});
  holder.once('close', end);
  if (holder.closed) end();
  try {
    for (let part = await parts.next(); part.done !== true; part = await parts.next()) {
      held.hold(holder, part.value.length);
      yield part.value;
      held.release(holder, part.value.length);
    }
  } finally {
    end();
  }
}
