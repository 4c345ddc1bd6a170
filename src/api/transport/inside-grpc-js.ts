import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import type { Server, ServerInterceptingCallInterface } from '@grpc/grpc-js';

/*
 * What grpc-js knows of a call and has no public interface for. A handler may begin after its call is over: the message was unpacked
 * meanwhile, and no listener for the end was attached yet. A stream can't be reset. And all streams that one packet brings are begun at once.
 */

/** The server of HTTP/2 that connections of a server's only injector go to. */
export function http2ServerOf(server: Server): Http2Server {
  const { http2Servers } = server as unknown as { http2Servers: ReadonlyMap<Http2Server, unknown> };
  const [http2Server] = http2Servers.keys();
  return http2Server!;
}

interface Call {
  readonly cancelled: boolean;
}

/** The stream of HTTP/2 that a call of grpc-js goes over. */
export function streamOf(call: Call): ServerHttp2Stream {
  return (call as unknown as { call: { stream: ServerHttp2Stream } }).call.stream;
}

/** The same for a call as an interceptor gets it that is the only one. */
export function streamBelow(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  return (call as unknown as { stream: ServerHttp2Stream }).stream;
}

/** Whether the caller has gone already, whatever grpc-js says. */
export function isOver(call: Call): boolean {
  if (call.cancelled) return true;
  const { closed, destroyed } = streamOf(call);
  return closed || destroyed;
}
