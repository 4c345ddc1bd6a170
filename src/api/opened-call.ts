import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
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
import { PERMISSIONS, type Permission } from './permissions.js';
import { type CallContext, pathOf, type Rpc } from './rpc.js';

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

export interface CallsOptions {
  readonly access: AccessControl;
  readonly gate: Gate;
  readonly failures: Failures;
  readonly audit: AuditLog;
  readonly metrics: CallMetrics;
  readonly log: Logger;
}

const tracer = trace.getTracer('perennial');

/** One call from its arrival to its end. */
export class OpenedCall {
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
