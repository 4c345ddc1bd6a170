import { constants } from 'node:http2';
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { StreamFailure } from '../calls.js';
import { errorOf } from './grpc-error.js';
import type { HeldBytes } from './held-bytes.js';
import { isOver, streamOf } from './inside-grpc-js.js';

type Bytes = Uint8Array<ArrayBuffer>;
type StreamCall = ServerWritableStream<Buffer, Bytes> | ServerDuplexStream<Buffer, Bytes>;

/** An answer that large is not followed by another before it is on its way: grpc-js takes sixteen of any size. */
const LARGE_BYTES = 65_536;

/**
 * Writes answers as fast as the caller reads them. One that reads nothing for so long is cut off: what it holds, others wait for.
 */
export async function writeAnswers(
  answers: AsyncGenerator<Bytes>,
  call: StreamCall,
  { answers: held, unreadMs }: { readonly answers: HeldBytes; readonly unreadMs: number },
): Promise<void> {
  let gone = isOver(call);
  let wake = () => {};
  const over = () => {
    gone = true;
    wake();
  };
  call.once('cancelled', over);
  call.on('drain', () => wake());
  // A duplex call ends by this too, when what it receives can't be read.
  call.on('error', over);
  try {
    for await (const bytes of answers) {
      if (gone) break;
      const large = bytes.length > LARGE_BYTES;
      let taken = false;
      if (large) held.hold(streamOf(call), bytes.length);
      const room = call.write(bytes, () => {
        taken = true;
        if (large) held.release(streamOf(call));
        if (large) wake();
      });
      if (room && (!large || taken)) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          // An end or an error of grpc-js would wait behind what is not read.
          streamOf(call).close(constants.NGHTTP2_CANCEL);
          over();
        }, unreadMs);
        timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (gone) wake();
      });
    }
    if (!gone) call.end();
  } catch (thrown) {
    if (thrown instanceof StreamFailure) call.emit('error', errorOf(thrown.failure));
    else call.end();
  } finally {
    await answers.return(undefined).catch(() => {});
  }
}
