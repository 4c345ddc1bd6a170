import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

/** No answer of a broker is larger: a consumer asks for 2 MiB at a time, and gets more only when one batch is larger. */
const LARGEST_ANSWER = 256 * 1024 * 1024;
const SIZE_BYTES = 4;
const KEEP_ALIVE_MS = 60_000;

/**
 * Sockets that hand kafkajs whole answers only.
 *
 * kafkajs keeps the bytes of a half-received answer when a connection breaks, and puts the next connection's bytes
 * behind them. From then on it misreads everything: answers without match, requests that never end, or a RangeError
 * outside every promise, which ends the process. Every answer begins with its size, so this socket holds an answer
 * back until it is whole; a half one goes away with the socket.
 */
export const framedSocketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket: Socket = ssl
    ? tlsConnect({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : tcpConnect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => Socket;
  socket.on = (event: string, listener: (...args: never[]) => void): Socket => {
    if (event !== 'data') return on(event, listener);
    const deliver = listener as unknown as (frame: Buffer) => void;
    const take = wholeFrames(deliver, (fault) => socket.destroy(fault));
    return on(event, take as (...args: never[]) => void);
  };
  return socket;
};

/** Gathers chunks and passes on each frame (a size of four bytes, and as many bytes) once it is whole. */
export function wholeFrames(
  deliver: (frame: Buffer) => void,
  fail: (fault: Error) => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  /** Bytes of the frame being read, size included; unknown until its size has arrived. */
  let wanted = SIZE_BYTES;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    wanted = SIZE_BYTES;
    while (bytes.length >= SIZE_BYTES) {
      const size = bytes.readInt32BE(0);
      if (size < 0 || size > LARGEST_ANSWER) {
        fail(new Error(`The broker announced an answer of ${size} bytes.`));
        return;
      }
      wanted = SIZE_BYTES + size;
      if (bytes.length < wanted) break;
      deliver(bytes.subarray(0, wanted));
      bytes = bytes.subarray(wanted);
      wanted = SIZE_BYTES;
    }
    parts = [bytes];
    held = bytes.length;
  };
}
