import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import type { Caller } from '../access/caller.js';
import { PerennialError } from '../core/errors.js';
import type { Failure } from './failure.js';
import { OpenStreams } from './open-streams.js';
import { type CallsOptions, type Incoming, OpenedCall } from './opened-call.js';
import { PERMISSIONS } from './permissions.js';
import { type Answer, pathOf, type Rpc } from './rpc.js';
import { validate } from './validate.js';

/** A request as it came: bytes of protobuf, or a message where the transport has read it already. */
export type Request = Uint8Array | Message;

type UnaryRpc = Extract<Rpc, { kind: 'unary' }>;
type StreamRpc = Exclude<Rpc, { kind: 'unary' }>;
type Done = (failure: Failure | null, answer?: Answer<DescMessage>) => void;

/**
 * What happens to every call, whatever transport it comes by: who is it and may it, is the request sound, is there room; then it is answered,
 * or fails in the words of the contract; and it is counted, logged and, where it must be, audited.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #streams = new OpenStreams();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Why a caller may not make a call, for transports that would else read its request first; null: it may, and the call is yet to come. */
  async refusal(rpc: Rpc, incoming: Incoming): Promise<Failure | null> {
    const { access } = this.#options;
    if (!access.authenticates) return null;
    const needs = PERMISSIONS[pathOf(rpc.method)]?.needs ?? 'administer';
    try {
      await access.authenticate(needs, incoming.header('authorization'), incoming.peer());
      return null;
    } catch (thrown) {
      return new OpenedCall(rpc, incoming, this.#options).end(thrown);
    }
  }

  /** Answers a unary call. `done` is called once, within this call when the answer is in memory. */
  unary(rpc: UnaryRpc, incoming: Incoming, request: Request, done: Done): void {
    const opened = new OpenedCall(rpc, incoming, this.#options);
    let caller: Caller | Promise<Caller>;
    let read: unknown;
    try {
      caller = opened.admit();
      read = rpc.raw ? bytesOf(request) : messageOf(rpc, request);
      if (rpc.atOnce !== undefined && !(caller instanceof Promise)) {
        const ready = rpc.atOnce(read as never);
        if (ready !== undefined) {
          opened.end(null);
          done(null, ready);
          return;
        }
      }
    } catch (thrown) {
      done(opened.end(thrown));
      return;
    }
    const running = this.#answer(rpc, opened, caller, read)
      .then(
        (answer) => {
          opened.end(null);
          done(null, answer);
        },
        (thrown) => done(opened.end(thrown)),
      )
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Answers a call with a stream. Throws what `failureOf` makes of whatever goes wrong, as a `StreamFailure`. */
  async *stream(
    rpc: StreamRpc,
    incoming: Incoming,
    requests: Request | AsyncIterable<Request>,
  ): AsyncGenerator<Answer<DescMessage>> {
    const opened = new OpenedCall(rpc, incoming, this.#options);
    let over = () => {};
    const running = new Promise<void>((resolve) => (over = resolve));
    this.#running.add(running);
    let leave = () => {};
    let unwatch = () => {};
    try {
      const caller = await opened.admit();
      unwatch = this.#streams.watch(opened);
      leave = await this.#options.gate.enter(rpc.cost, opened.gateKey(caller), opened.signal);
      const call = opened.context(caller);
      const answers =
        rpc.kind === 'server-stream'
          ? rpc.answer(checked(rpc, requests as Request) as never, call)
          : rpc.answer(eachBytes(requests as AsyncIterable<Request>), call);
      for await (const answer of answers) {
        yield answer;
        opened.signal.throwIfAborted();
      }
      opened.end(null);
    } catch (thrown) {
      throw new StreamFailure(opened.end(thrown));
    } finally {
      // A consumer that stops early comes here without having thrown.
      opened.end(new PerennialError('cancelled', 'The caller went away.'));
      leave();
      unwatch();
      this.#running.delete(running);
      over();
    }
  }

  /** Resolves once no call is running. Never rejects. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #answer(
    rpc: UnaryRpc,
    opened: OpenedCall,
    admitted: Caller | Promise<Caller>,
    request: unknown,
  ): Promise<Answer<DescMessage>> {
    const caller = await admitted;
    const { gate } = this.#options;
    const gateKey = opened.gateKey(caller);
    // What is refused anyway is not checked first.
    gate.refuse(rpc.cost, gateKey);
    if (!rpc.raw) validate(rpc.method.input, request as Message);
    const leave = await gate.enter(rpc.cost, gateKey, opened.signal, () => opened.isGone);
    try {
      return await opened.traced(() => rpc.answer(request as never, opened.context(caller)));
    } finally {
      leave();
    }
  }
}

/** How a stream ended that failed. */
export class StreamFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

function bytesOf(request: Request): Uint8Array {
  if (request instanceof Uint8Array) return request;
  throw new PerennialError('internal', 'A transport handed over a message where bytes are read.');
}

function messageOf({ method }: Rpc, request: Request): Message {
  if (!(request instanceof Uint8Array)) return request;
  try {
    return fromBinary(method.input, request);
  } catch (thrown) {
    throw new PerennialError('invalid_argument', `The request is not a ${method.input.typeName}.`, {
      reason: 'REQUEST_MALFORMED',
      hint: 'Generate the client anew from the proto files.',
      cause: thrown,
    });
  }
}

function checked(rpc: Rpc, request: Request): Message {
  const message = messageOf(rpc, request);
  validate(rpc.method.input, message);
  return message;
}

async function* eachBytes(requests: AsyncIterable<Request>): AsyncGenerator<Uint8Array> {
  for await (const request of requests) yield bytesOf(request);
}
