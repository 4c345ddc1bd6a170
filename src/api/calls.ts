import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { AccessControl } from '../access/access-control.js';
import type { Caller, Peer } from '../access/caller.js';
import { PerennialError } from '../core/errors.js';
import { Code } from '../gen/google/rpc/code_pb.js';
import type { Logger } from '../telemetry/log.js';
import type { AuditLog } from './audit-log.js';
import type { CallMetrics } from './call-metrics.js';
import type { Failure, Failures } from './failure.js';
import type { Gate } from './gate.js';
import { OpenStreams } from './open-streams.js';
import { PERMISSIONS, type Permission } from './permissions.js';
import { type Answer, type CallContext, pathOf, type Rpc } from './rpc.js';
import { validate } from './validate.js';

/** A call as a transport sees it. Nothing is looked up that is not asked for. */
export interface Incoming {
  /** Value of a metadata key, in lower case. */
  header(name: string): string | undefined;
  peer(): Peer;
  /** Aborts when the caller goes away or its deadline passes. */
  signal(): AbortSignal;
  /** Whether it has, also where the signal is yet to say so: calls that end together are ended in turn. */
  isGone(): boolean;
}

/** A request as it came: bytes of protobuf, or a message where the transport has read it already. */
export type Request = Uint8Array | Message;

export interface CallsOptions {
  readonly access: AccessControl;
  readonly gate: Gate;
  readonly failures: Failures;
  readonly audit: AuditLog;
  readonly metrics: CallMetrics;
  readonly log: Logger;
}

type UnaryRpc = Extract<Rpc, { kind: 'unary' }>;
type StreamRpc = Exclude<Rpc, { kind: 'unary' }>;
type Done = (failure: Failure | null, answer?: Answer<DescMessage>) => void;

const tracer = trace.getTracer('perennial');

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

/** One call from its arrival to its end. */
class OpenedCall {
  readonly #rpc: Rpc;
  readonly #incoming: Incoming;
  readonly #options: CallsOptions;
  readonly #permission: Permission | undefined;
  readonly #path: string;
  readonly #started = performance.now();
  readonly #subjects: string[] = [];
  /** Of a stream: a single call ends by itself. */
  readonly #revoked: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #requestId: string | undefined;
  #caller: Caller | undefined;
  #ended = false;

  constructor(rpc: Rpc, incoming: Incoming, options: CallsOptions) {
    this.#rpc = rpc;
    this.#incoming = incoming;
    this.#options = options;
    this.#path = pathOf(rpc.method);
    this.#permission = PERMISSIONS[this.#path];
    this.#revoked = rpc.kind === 'unary' ? undefined : new AbortController();
    options.metrics.began(this.#path);
  }

  /** Throws `unauthenticated`, `permission_denied` or `limit_exceeded`. */
  admit(): Caller | Promise<Caller> {
    const { access } = this.#options;
    if (this.#permission === undefined)
      throw new PerennialError('permission_denied', `Nobody may call ${this.#path}.`);
    if (!access.authenticates) {
      this.#caller = access.admit(this.#permission.needs, undefined, NOBODY) as Caller;
      return this.#caller;
    }
    const caller = access.admit(
      this.#permission.needs,
      this.#incoming.header('authorization'),
      this.#incoming.peer(),
    );
    if (!(caller instanceof Promise)) this.#caller = caller;
    return caller;
  }

  /** Ends the call where its caller may not make it any more. A failure that says nothing about the caller changes nothing. */
  async recheck(): Promise<void> {
    const { access } = this.#options;
    if (!access.authenticates || this.#permission === undefined) return;
    try {
      const authorization = this.#incoming.header('authorization');
      await access.authenticate(this.#permission.needs, authorization, this.#incoming.peer());
    } catch (thrown) {
      const error = PerennialError.from(thrown);
      if (error.code !== 'unavailable') this.#revoked?.abort(error);
    }
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const gone = this.#incoming.signal();
      this.#signal = this.#revoked === undefined ? gone : AbortSignal.any([gone, this.#revoked.signal]);
      // Each question that a call puts to the store listens to it, and a call may put many.
      setMaxListeners(0, this.#signal);
    }
    return this.#signal;
  }

  get isGone(): boolean {
    return this.#signal?.aborted === true || this.#incoming.isGone();
  }

  /** Whose turn it takes in the gate: a caller's, or a connection's where callers do not say who they are. */
  gateKey(caller: Caller): string {
    return caller.by === 'machine' ? this.#incoming.peer().address : caller.name;
  }

  context(caller: Caller): CallContext {
    this.#caller = caller;
    return {
      caller,
      signal: this.signal,
      requestId: this.requestId,
      log: this.#options.log,
      about: (...subjects) => this.#subjects.push(...subjects),
    };
  }

  get requestId(): string {
    if (this.#requestId === undefined) {
      const sent = this.#incoming.header('x-request-id') ?? '';
      this.#requestId = /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : randomUUID();
    }
    return this.#requestId;
  }

  /** Runs work within a span, whose parent is the caller's where it sent `traceparent`. Nothing happens without a tracer. */
  async traced<T>(work: () => Promise<T>): Promise<T> {
    const parent = propagation.extract(context.active(), this.#incoming, {
      get: (incoming, key) => incoming.header(key),
      keys: () => [],
    });
    const span: Span = tracer.startSpan(
      this.#path.slice(1),
      { kind: SpanKind.SERVER, attributes: { 'rpc.system': 'grpc', 'rpc.method': this.#path } },
      parent,
    );
    try {
      return await context.with(trace.setSpan(parent, span), work);
    } catch (thrown) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw thrown;
    } finally {
      span.end();
    }
  }

  /** Ends the call, once: counts, logs and audits it, and gives back what the caller gets of what was thrown. */
  end(thrown: null): null;
  end(thrown: unknown): Failure;
  end(thrown: unknown): Failure | null {
    if (this.#ended) return null;
    this.#ended = true;
    const { failures, metrics, log } = this.#options;
    const wentAway = thrown !== null && this.#signal?.aborted === true;
    const failure =
      thrown === null
        ? null
        : failures.of(wentAway ? this.#signal?.reason : thrown, this.#path, this.requestId);
    if (failure === null && this.#rpc.cost !== 'none') failures.answered();
    const status = failure === null ? 'OK' : Code[failure.code];
    const seconds = (performance.now() - this.#started) / 1_000;
    metrics.ended(this.#path, status, seconds);
    if (log.isLevelEnabled('debug'))
      log.debug(
        {
          method: this.#path,
          status,
          ms: Math.round(seconds * 1e4) / 10,
          caller: this.#caller?.name,
          address: this.#incoming.peer().address,
          requestId: this.requestId,
          traceparent: this.#incoming.header('traceparent'),
        },
        'call',
      );
    this.#audit(status);
    return failure;
  }

  #audit(status: string): void {
    const kind = this.#permission?.audit;
    // Without a caller nothing was done and nothing shown.
    if (kind === undefined || this.#caller === undefined) return;
    this.#options.audit.record({
      kind,
      method: this.#path,
      caller: this.#caller,
      peer: this.#incoming.peer(),
      reason: readable(this.#incoming.header('x-perennial-reason') ?? '').slice(0, LONGEST_REASON),
      subjects: this.#subjects,
      requestId: this.requestId,
      status,
    });
  }
}

const NOBODY: Peer = { address: '', certificateNames: [] };
const LONGEST_REASON = 1_024;

/** Metadata is ASCII: other letters come percent-encoded. What is no such code is meant as it stands. */
function readable(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
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
