import { once } from 'node:events';
import type { Server as PlainServer } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  create,
  createRegistry,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  cors,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Peer } from '../../access/caller.js';
import { type Address, formatAddress, isLoopback } from '../../core/address.js';
import { Doorway } from '../../core/doorway.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { file_google_rpc_error_details } from '../../gen/google/rpc/error_details_pb.js';
import { type Calls, type Request, StreamFailure } from '../calls.js';
import type { Failure, Failures } from '../failure.js';
import type { Incoming } from '../opened-call.js';
import type { Answer, Rpc } from '../rpc.js';
import { inWordsOfContract } from './connect-failures.js';
import { HeldBytes, type Holder } from './held-bytes.js';
import { type Holding, handedOver, holdCalls, holdStreams } from './hold-calls.js';
import { JsonText } from './json-text.js';
import { certificateNames } from './listener.js';
import { shortenTimeouts } from './long-timeouts.js';
import { type NodeRequest, type NodeResponse, plainServer, secureServer } from './node-servers.js';
import type { TlsFiles } from './tls-files.js';

export interface HttpOptions {
  readonly address: Address;
  readonly rpcs: readonly Rpc[];
  readonly calls: Calls;
  readonly failures: Failures;
  readonly tls: TlsFiles | undefined;
  /** Whether callers must say who they are. Without, only requests that name this machine are answered. */
  readonly authenticates: boolean;
  /** Origins whose pages may call from a browser. */
  readonly origins: readonly string[];
  /** How long a caller may take to read what it is answered, and to send a request whole. */
  readonly unreadMs: number;
  /** Pages beside the calls, by path. */
  readonly pages: ReadonlyMap<string, { readonly type: string; readonly text: string }>;
}

export interface HttpServer {
  readonly port: number;
  stop(deadlineMs: number): Promise<void>;
}

type CallOfConnect = Parameters<UniversalHandler>[0];

const HOLDER = createContextKey<Holder>(undefined as never);
const PEER = createContextKey<Peer>({ address: '', certificateNames: [] });
/** Headers of ours, and those that tracing adds to every call of a page. */
const ALLOWED_HEADERS = ['Authorization', 'X-Request-Id', 'X-Perennial-Reason', 'Traceparent', 'Tracestate'];
const SILENT_MS = 15 * 60_000;

/**
 * The calls over HTTP: Connect's protocol, whose unary calls are POST with JSON or protobuf, and gRPC-Web. HTTP/1.1, and with TLS
 * HTTP/2 too, where gRPC is answered as well. Throws `unavailable` when the address can't be had.
 */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { address, tls } = options;
  const held = {
    requests: new HeldBytes({ bytes: LIMITS.heldRequestBytes, ms: options.unreadMs }),
    answers: new HeldBytes({ bytes: LIMITS.heldAnswerBytes, ms: options.unreadMs }),
  };
  const responses = new WeakMap<NodeRequest, NodeResponse>();
  const answer = connectNodeAdapter({
    routes: (router) => {
      for (const rpc of options.rpcs) addRoute(router, rpc, options.calls, held);
      const { handlers } = router;
      options.rpcs.forEach((rpc, i) => {
        const holder = (call: CallOfConnect) => call.contextValues!.get(HOLDER);
        if (rpc.kind !== 'unary') {
          handlers[i] = holdStreams(handlers[i]!, held, holder);
          return;
        }
        const refusal = (call: CallOfConnect) =>
          options.calls.refusal(rpc, {
            header: (name) => call.header.get(name) ?? undefined,
            peer: () => call.contextValues!.get(PEER),
            signal: () => call.signal,
            isGone: () => call.signal.aborted,
          });
        const answered = inWordsOfContract(rpc.method, handlers[i]!, options.failures, refusal);
        handlers[i] = holdCalls(answered, held, holder);
      });
    },
    readMaxBytes: LIMITS.requestBytes,
    writeMaxBytes: LIMITS.answerBytes,
    contextValues: (request) =>
      createContextValues()
        .set(PEER, peerOf(request.socket as Socket))
        .set(HOLDER, holderOf(request, responses.get(request)!)),
  });
  const handler = async (request: NodeRequest, response: NodeResponse) => {
    const authority = authorityOf(request);
    // The library makes an address of it, and throws.
    if (!URL.canParse(`http://${authority}`)) {
      refuse(response, 400, 'The header `host` names no host.\n');
      return;
    }
    if (!options.authenticates && !(await namesThisMachine(authority))) {
      refuse(
        response,
        403,
        'Without authentication only requests to this machine by its own name are answered.\n',
      );
      return;
    }
    shortenTimeouts(request.headers);
    if (answersPreflight(request, response, options.origins)) return;
    const page = request.method === 'GET' ? options.pages.get(request.url ?? '') : undefined;
    if (page !== undefined) {
      response.writeHead(200, { 'content-type': page.type, 'cache-control': 'no-cache' });
      response.end(page.text);
    } else {
      responses.set(request, response);
      answer(request, response);
    }
  };
  // What a request makes throw outside its call would else end the process.
  const safely = async (request: NodeRequest, response: NodeResponse) => {
    try {
      await handler(request, response);
    } catch (thrown) {
      const { message } = options.failures.of(thrown, String(request.url));
      if (response.headersSent) response.destroy();
      else refuse(response, 500, `${message}\n`);
    }
  };
  const doorway = new Doorway();
  const listener = (request: NodeRequest, response: NodeResponse) => {
    // Requests that one packet brings begin in turn, as streams of HTTP/2 do.
    const turn = request.httpVersionMajor === 1 ? doorway.pass(request.socket) : undefined;
    if (turn === undefined) void safely(request, response);
    else void turn.then(() => (response.destroyed ? undefined : safely(request, response)));
  };
  const server = tls === undefined ? plainServer(listener) : secureServer(listener, tls);
  // Nothing said and nothing read for so long: the other end is gone, or might as well be.
  server.setTimeout(SILENT_MS);
  const unlisten = tls?.onChange((context) => (server as Http2SecureServer).setSecureContext(context));
  // On both kinds of server, though the types of one do not say so.
  (server as PlainServer).maxConnections = LIMITS.connections;
  try {
    server.listen(address.port, address.host);
    await once(server, 'listening');
  } catch (cause) {
    unlisten?.();
    throw new PerennialError('unavailable', `The server can't listen on ${formatAddress(address)}.`, {
      hint: 'Set PERENNIAL_CONNECT to a free host:port of this machine, with port 0 for any free one, or to off.',
      retryable: false,
      cause,
    });
  }
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop(deadlineMs) {
      unlisten?.();
      const closed = once(server, 'close');
      server.close();
      (server as Partial<PlainServer>).closeIdleConnections?.();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, deadlineMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

// The error of one item of a batch holds details of any kind.
const REGISTRY = createRegistry(file_google_rpc_error_details);

function addRoute(router: ConnectRouter, rpc: Rpc, calls: Calls, held: Holding): void {
  const { method } = rpc;
  const options = {
    // A field or a name of an enum that is misspelt would else be passed over without a word.
    jsonOptions: { ignoreUnknownFields: false, registry: REGISTRY, textDecoder: new JsonText(method.input) },
  };
  const incomingOf = (call: HandlerContext): Incoming => ({
    header: (name) => call.requestHeader.get(name) ?? undefined,
    peer: () => call.values.get(PEER),
    signal: () => withReason(call.signal),
    isGone: () => call.signal.aborted,
  });
  const requestOf = (message: Message): Request => (rpc.raw ? toBinary(method.input, message) : message);
  if (rpc.kind === 'unary') {
    const answer = (message: Message, call: HandlerContext) =>
      new Promise<Message>((resolve, reject) => {
        calls.unary(rpc, incomingOf(call), requestOf(message), (failure, made) => {
          if (failure === null) resolve(messageOf(method, made!));
          else reject(endOf(call.signal) ?? errorOf(failure));
        });
      });
    router.rpc(method as DescMethod & { methodKind: 'unary' }, answer, options);
    return;
  }
  async function* answers(requests: Message | AsyncIterable<Message>, call: HandlerContext) {
    const taken = (message: Message): Request => {
      handedOver(call.values.get(HOLDER), held);
      return requestOf(message);
    };
    const all =
      rpc.kind === 'server-stream'
        ? taken(requests as Message)
        : each(requests as AsyncIterable<Message>, taken);
    try {
      for await (const answer of calls.stream(rpc as Exclude<Rpc, { kind: 'unary' }>, incomingOf(call), all))
        yield messageOf(method, answer);
    } catch (thrown) {
      throw endOf(call.signal) ?? (thrown instanceof StreamFailure ? errorOf(thrown.failure) : thrown);
    }
  }
  router.rpc(method as DescMethod & { methodKind: 'bidi_streaming' }, answers, options);
}

async function* each<T, U>(items: AsyncIterable<T>, change: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield change(item);
}

function messageOf({ output }: DescMethod, answer: Answer<DescMethod['output']>): Message {
  return answer instanceof Uint8Array ? fromBinary(output, answer) : create(output, answer);
}

/** How the library says that a call is over before its answer: its deadline has passed, or the caller has gone. */
function endOf(signal: AbortSignal): ConnectError | undefined {
  return signal.aborted ? ConnectError.from(signal.reason, Code.Canceled) : undefined;
}

/** The same signal in our words: what the library throws would count as a defect of ours. */
function withReason(signal: AbortSignal): AbortSignal {
  const abort = new AbortController();
  const gone = () => abort.abort(new PerennialError('cancelled', endOf(signal)!.rawMessage));
  if (signal.aborted) gone();
  else signal.addEventListener('abort', gone, { once: true });
  return abort.signal;
}

function errorOf({ code, message, details }: Failure): ConnectError {
  return new ConnectError(message, code as number, undefined, [...details]);
}

function holderOf(request: NodeRequest, response: NodeResponse): Holder {
  if ('stream' in request) return request.stream;
  const { socket } = request;
  return {
    get closed() {
      return response.closed;
    },
    get destroyed() {
      return socket.destroyed;
    },
    session: socket,
    once: (event, listener) => response.once(event, listener),
    close: () => socket.destroy(),
  };
}

function peerOf(socket: Socket | TLSSocket): Peer {
  const verified = 'authorized' in socket && socket.authorized;
  return {
    address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
    certificateNames: verified ? certificateNames(socket.getPeerCertificate()) : [],
  };
}

/** The host that a request was sent to, as it names it; empty where it names none. */
function authorityOf({ headers }: NodeRequest): string {
  return String(headers[':authority'] ?? headers.host ?? '');
}

/**
 * Whether a request was sent to this machine under its own name. A page of another site whose name has been made to lead here
 * (DNS rebinding) sends that name.
 */
async function namesThisMachine(authority: string): Promise<boolean> {
  const host = authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return /^[\d.]+$|:|^localhost$/.test(host) && isLoopback(host);
}

/** Lets browsers of the origins that are named call, and answers when they ask whether they may. */
function answersPreflight(request: NodeRequest, response: NodeResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin !== undefined && origins.includes(origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
    response.setHeader('vary', 'origin');
  }
  if (request.method !== 'OPTIONS') return false;
  response.setHeader('access-control-allow-methods', cors.allowedMethods.join(', '));
  response.setHeader('access-control-allow-headers', [...cors.allowedHeaders, ...ALLOWED_HEADERS].join(', '));
  response.setHeader('access-control-max-age', '7200');
  response.writeHead(204);
  response.end();
  return true;
}

function refuse(response: NodeResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text);
}
