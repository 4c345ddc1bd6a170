import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { SignalService } from '../gen/perennial/v1/signal_service_pb.js';
import type { RecordIntake, StoredSummary } from './record-intake.js';
import { type CallContext, type Rpc, rawBidiStream, rawUnary } from './rpc.js';

/** @param idleMs A stream on which nothing comes for this long is ended. */
export function signalService(intake: RecordIntake, idleMs: number): readonly Rpc[] {
  async function* streamSignals(requests: AsyncIterable<Uint8Array>, call: CallContext) {
    const waiting: { bytes: number; durable: Promise<StoredSummary> }[] = [];
    let bytes = 0;
    let index = 0n;
    const incoming = requests[Symbol.asyncIterator]();
    let next: Arrival = arrival(incoming.next());
    const end = new StreamEnd(idleMs, call.signal, () => waiting.length > 0);
    try {
      while (next !== undefined || waiting.length > 0) {
        const events: Promise<StoredSummary | IteratorResult<Uint8Array>>[] = [end.promise];
        if (waiting.length > 0) events.push(waiting[0]!.durable);
        // Read on while what came before is written, up to a bound: then HTTP/2 makes the sender wait.
        if (next !== undefined && bytes < LIMITS.streamBatchBytes) events.push(next);
        const event = await Promise.race(events);
        end.touch();
        if ('counts' in event) {
          bytes -= waiting.shift()!.bytes;
          yield { requestIndex: index++, ...event };
        } else if (event.done === true) next = undefined;
        else {
          const request = intake.read(event.value, 'signal', call);
          const durable = intake.store(request);
          durable.catch(() => {});
          waiting.push({ bytes: request.bytes, durable });
          bytes += request.bytes;
          next = arrival(incoming.next());
        }
      }
    } finally {
      end.clear();
      // What is on its way to the store still belongs to this call.
      await Promise.allSettled(waiting.map(({ durable }) => durable));
    }
  }

  const { method } = SignalService;
  return [
    rawUnary(method.ingestSignals, 'write', intake.batch('signal')),
    rawBidiStream(method.streamSignals, 'stream', streamSignals),
    rawUnary(method.ingestOutcomes, 'write', intake.batch('outcome')),
  ];
}

type Arrival = Promise<IteratorResult<Uint8Array>> | undefined;

/** A failure is reported where it is awaited; until then it must not count as unhandled. */
function arrival(next: Promise<IteratorResult<Uint8Array>>): Arrival {
  next.catch(() => {});
  return next;
}

/** Rejects when the caller has gone, or when nothing has happened for so long that it might as well have. */
class StreamEnd {
  readonly promise: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  constructor(idleMs: number, signal: AbortSignal, busy: () => boolean) {
    let reject: (reason: unknown) => void = () => {};
    this.promise = new Promise((_, refuse) => (reject = refuse));
    this.promise.catch(() => {});
    this.#timer = setTimeout(() => (busy() ? this.touch() : reject(idleStream(idleMs))), idleMs);
    this.#timer.unref();
    const gone = () => reject(signal.reason);
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone, { once: true });
  }

  touch(): void {
    this.#timer.refresh();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function idleStream(ms: number): PerennialError {
  return new PerennialError('limit_exceeded', `Nothing came on this stream for ${ms / 1_000} seconds.`, {
    reason: 'STREAM_IDLE',
    retryable: true,
    retryAfterMs: 0,
    hint: 'Begin a new one when there is something to send, or use IngestSignals.',
  });
}
