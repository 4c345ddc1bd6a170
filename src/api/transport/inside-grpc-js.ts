import type { ServerHttp2Stream } from 'node:http2';

/*
 * What grpc-js knows of a call and does not tell. Its handlers may begin after the call is over: a message is unpacked meanwhile, and nobody who could be
 * told of the end was there yet. And it has no way to cut a stream off.
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
