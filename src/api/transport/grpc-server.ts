import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { create, type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';
import {
  type ChannelOptions,
  type Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Peer } from '../../access/caller.js';
import { Doorway } from '../../core/doorway.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { Calls } from '../calls.js';
import type { Incoming } from '../opened-call.js';
import { type Answer, pathOf, type Rpc } from '../rpc.js';
import { endLate, isEnded, isLate, takeDeadline } from './deadlines.js';
import { explainRefusals } from './explain-refusals.js';
import { beginInTurn } from './fair-http2.js';
import { bareErrorOf, errorOf } from './grpc-error.js';
import { HeldBytes, holdRequest, SMALL_BYTES } from './held-bytes.js';
import { http2ServerOf, isOver, streamOf } from './inside-grpc-js.js';
import { certificateNames } from './listener.js';
import { writeAnswers } from './write-answers.js';

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': LIMITS.requestBytes,
  'grpc.max_send_message_length': LIMITS.answerBytes,
  'grpc.max_concurrent_streams': LIMITS.callsOfConnection,
  'grpc.max_metadata_size': LIMITS.metadataBytes,
  // A caller whose machine died holds its stream open for no longer than this.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/** What stands before a message of gRPC. */
const FRAME_BYTES = 5;

/** Connections that begin within one turn of the event loop. */
const CONNECTIONS_IN_ONE_TURN = 4;

/** What every kind of call of grpc-js has. */
export interface AnyCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate };
}
type Bytes = Uint8Array<ArrayBuffer>;

/** gRPC over HTTP/2, on connections that are handed to it: plain, of a unix socket, or TLS that a listener has ended. */
export class GrpcServer {
  readonly server = new Server({ ...CHANNEL_OPTIONS, interceptors: [endLate, explainRefusals] });
  readonly #injector = this.server.createConnectionInjector(ServerCredentials.createInsecure());
  readonly #sockets = new Set<Socket>();
  readonly #newcomers = new Doorway(CONNECTIONS_IN_ONE_TURN);

  /** @param unreadMs How long a caller may take to read what it is answered, and to send a request whole. */
  constructor(rpcs: readonly Rpc[], calls: Calls, unreadMs: number) {
    const requests = new HeldBytes({ bytes: LIMITS.heldRequestBytes, ms: unreadMs });
    const answers = new HeldBytes({ bytes: LIMITS.heldAnswerBytes, ms: unreadMs });
    for (const [definition, implementation] of services(rpcs, calls, { requests, answers, unreadMs }))
      this.server.addService(definition, implementation);
    const http2Server = http2ServerOf(this.server);
    http2Server.prependListener('stream', takeDeadline);
    beginInTurn(http2Server, new Doorway(), (stream) => holdRequest(stream, requests));
  }

  connected(socket: Socket): void {
    // Without a listener an error of the connection would end the process.
    socket.on('error', () => {});
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const turn = this.#newcomers.pass();
    const begin = () => {
      if (!socket.destroyed) this.#injector.injectConnection(socket);
    };
    if (turn === undefined) begin();
    else void turn.then(begin);
  }

  /** Takes no more calls and waits for those running; after the deadline they are cancelled. Never rejects. */
  async stop(deadlineMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const connections = [...this.#sockets].map((socket) => once(socket, 'close').catch(() => {}));
    const shutdown = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    // From Node 24 on grpc-js takes a connection that is closing for one that is closed, and its calls are still running.
    const drained = Promise.all([shutdown, ...connections]);
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([drained, late]);
    clearTimeout(timer);
    this.server.forceShutdown();
  }
}

/** What the server holds for callers. */
interface Holding {
  readonly requests: HeldBytes;
  readonly answers: HeldBytes;
  readonly unreadMs: number;
}

function services(
  rpcs: readonly Rpc[],
  calls: Calls,
  holding: Holding,
): Map<ServiceDefinition, UntypedServiceImplementation> {
  const byService = new Map<string, { definition: Mutable; implementation: UntypedServiceImplementation }>();
  for (const rpc of rpcs) {
    const { method } = rpc;
    let service = byService.get(method.parent.typeName);
    if (service === undefined) {
      service = { definition: {}, implementation: {} };
      byService.set(method.parent.typeName, service);
    }
    service.definition[method.localName] = definitionOf(rpc);
    service.implementation[method.localName] = handlerOf(rpc, calls, holding);
  }
  return new Map(
    [...byService.values()].map(({ definition, implementation }) => [definition, implementation]),
  );
}

type Mutable = Record<string, MethodDefinition<Buffer, Bytes>>;

/** Both ways bytes: what can't be read is answered by us, and an answer that is bytes already is not made twice. */
function definitionOf(rpc: Rpc): MethodDefinition<Buffer, Bytes> {
  return {
    path: pathOf(rpc.method),
    originalName: rpc.method.localName,
    requestStream: rpc.kind === 'bidi-stream',
    responseStream: rpc.kind !== 'unary',
    requestSerialize: (bytes) => bytes,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    responseDeserialize: (bytes) => new Uint8Array(bytes),
  };
}

function handlerOf(rpc: Rpc, calls: Calls, holding: Holding): UntypedServiceImplementation[string] {
  if (rpc.kind === 'unary')
    return (call: ServerUnaryCall<Buffer, Bytes>, callback: sendUnaryData<Bytes>) => {
      calls.unary(rpc, new GrpcIncoming(call), call.request, (failure, answer) => {
        if (failure === null) {
          const bytes = encoded(rpc, answer!);
          if (bytes.length > SMALL_BYTES) holding.answers.hold(streamOf(call), bytes.length);
          callback(null, bytes);
        }
        // Nobody reads what a caller that has gone is answered.
        else callback(isOver(call) ? bareErrorOf(failure) : errorOf(failure));
      });
    };
  return (call: ServerWritableStream<Buffer, Bytes> | ServerDuplexStream<Buffer, Bytes>) => {
    const requests =
      rpc.kind === 'server-stream'
        ? (call as ServerWritableStream<Buffer, Bytes>).request
        : eachWhole(call as ServerDuplexStream<Buffer, Bytes>, holding.requests);
    const answers = calls.stream(rpc, new GrpcIncoming(call), requests);
    void writeAnswers(eachEncoded(rpc, answers), call, holding);
  };
}

/** The requests of a stream. What has come of it and is not in their hands yet is held. */
async function* eachWhole(call: ServerDuplexStream<Buffer, Bytes>, held: HeldBytes): AsyncGenerator<Buffer> {
  // Iterated in the usual way, the end of the requests would end the answers too.
  const requests: AsyncIterable<Buffer> = call.iterator({ destroyOnReturn: false });
  for await (const request of requests) {
    held.release(streamOf(call), request.length + FRAME_BYTES);
    yield request;
  }
}

async function* eachEncoded(rpc: Rpc, answers: AsyncGenerator<Answer<DescMessage>>): AsyncGenerator<Bytes> {
  for await (const answer of answers) yield encoded(rpc, answer);
}

function encoded({ method }: Rpc, answer: Answer<DescMessage>): Bytes {
  if (answer instanceof Uint8Array) return answer;
  return toBinary(method.output, create(method.output, answer) as Message);
}

/** One for all: a caller that leaves with a hundred calls is worth no hundred stacks. */
const GONE = new PerennialError('cancelled', 'The caller went away.');

/** Deadlines of calls that began together pass together, and what each was doing has to be ended. */
const LEAVING = new Doorway();

/** A call of grpc-js. */
export class GrpcIncoming implements Incoming {
  readonly #call: AnyCall;

  constructor(call: AnyCall) {
    this.#call = call;
  }

  header(name: string): string | undefined {
    const [value] = this.#call.metadata.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  peer(): Peer {
    return peerOf(this.#call);
  }

  signal(): AbortSignal {
    const abort = new AbortController();
    const gone = () => abort.abort(GONE);
    if (isOver(this.#call) || isEnded(streamOf(this.#call))) gone();
    else
      this.#call.once('cancelled', () => {
        const turn = LEAVING.pass();
        if (turn === undefined) gone();
        else void turn.then(gone);
      });
    return abort.signal;
  }

  isGone(): boolean {
    return isOver(this.#call) || isLate(streamOf(this.#call));
  }
}

/** Who is at the other end of a call of grpc-js. */
function peerOf(call: AnyCall): Peer {
  const address = call.getPeer();
  const { sslPeerCertificate } = call.getAuthContext();
  return {
    // A unix socket has no address.
    address: address === 'unknown' ? 'unix' : address,
    certificateNames: sslPeerCertificate === undefined ? [] : certificateNames(sslPeerCertificate),
  };
}
