import type { ServerHttp2Stream } from 'node:http2';

/*
 * What grpc-js knows of a call and has no public interface for. A handler may begin after its call is over: the message was unpacked
 * meanwhile, and no listener for the end was attached yet. And a stream can't be reset.
 */

interface Call {
  readonly cancelled: boolean;
}

/** The stream of HTTP/2 that a call of grpc-js goes over. */
export function streamOf(call: Call): ServerHttp2Stream {
  return (call as unknown as { call: { stream: ServerHttp2Stream } }).call.stream;
}

/** Whether the caller has gone already, whatever grpc-js says. */
export function isOver(call: Call): boolean {
  if (call.cancelled) return true;
  const { closed, destroyed } = streamOf(call);
  return closed || destroyed;
}
