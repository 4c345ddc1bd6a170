import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { SignalService } from '../gen/perennial/v1/signal_service_pb.js';
import type { Delivery } from '../ingest/signal-source.js';
import { parseMessage } from '../signals/parse.js';
import type { ParseContext, Parsed } from '../signals/parsed.js';
import { Intake } from './intake.js';
import { recordsOf } from './repeated-bytes.js';
import { type CallContext, type Rpc, rawBidiStream, rawUnary } from './rpc.js';

export interface SignalServiceOptions {
  /** Writes a batch and resolves once it is durable. */
  readonly ingest: (batch: readonly Delivery[]) => Promise<unknown>;
  /** The signal catalogue that is active. */
  readonly catalogue: () => ParseContext['catalogue'];
  readonly clock: Clock;
  /** A stream on which nothing comes for this long is ended. @default one minute */
  readonly idleMs?: number;
}

const PROTOBUF = { 'content-type': 'application/protobuf' };
/** gRPC has neither topics nor offsets: a refused record sent again is the same row, told apart by its bytes. */
const ORIGIN = { topic: 'grpc', partition: -1, offset: -1 } as const;
const IDLE_MS = 60_000;

interface Summary {
  readonly acceptedCount: number;
  readonly rejectedCount: number;
  readonly rejections: { index: number; id: string; reason: string; detail: string; field: string }[];
}

/** What one request brought, read. */
interface ReadRequest {
  readonly deliveries: readonly Delivery[];
  readonly bytes: number;
  readonly summary: Summary;
  readonly validateOnly: boolean;
}

export function signalService({
  ingest,
  catalogue,
  clock,
  idleMs = IDLE_MS,
}: SignalServiceOptions): readonly Rpc[] {
  const intake = new Intake(ingest);

  const read = (request: Uint8Array, kind: 'signal' | 'outcome', call: CallContext): ReadRequest => {
    const { records, validateOnly } = recordsOf(request, `${kind}s`);
    const receivedAt = clock();
    const context = { receivedAt, catalogue: catalogue() };
    const deliveries = records.map((body) => ({
      record: parseMessage({ body, headers: PROTOBUF }, kind, context),
      origin: ORIGIN,
      receivedAt,
    }));
    for (const account of accountsOf(deliveries)) call.about(account);
    return { deliveries, bytes: request.length, summary: summaryOf(deliveries), validateOnly };
  };

  const ingestBatch = (kind: 'signal' | 'outcome') => async (request: Uint8Array, call: CallContext) => {
    const { deliveries, bytes, summary, validateOnly } = read(request, kind, call);
    if (!validateOnly) await intake.add(deliveries, bytes);
    return summary;
  };

  async function* streamSignals(requests: AsyncIterable<Uint8Array>, call: CallContext) {
    const waiting: { request: ReadRequest; durable: Promise<'durable'> }[] = [];
    let bytes = 0;
    let index = 0n;
    const incoming = requests[Symbol.asyncIterator]();
    let next: Arrival = arrival(incoming.next());
    const end = new StreamEnd(idleMs, call.signal, () => waiting.length > 0);
    try {
      while (next !== undefined || waiting.length > 0) {
        const events: Promise<'durable' | IteratorResult<Uint8Array>>[] = [end.promise];
        if (waiting.length > 0) events.push(waiting[0]!.durable);
        // Read on while what came before is written, up to a bound: then HTTP/2 makes the sender wait.
        if (next !== undefined && bytes < LIMITS.streamBatchBytes) events.push(next);
        const event = await Promise.race(events);
        end.touch();
        if (event === 'durable') {
          const { request } = waiting.shift()!;
          bytes -= request.bytes;
          yield { requestIndex: index++, ...request.summary };
        } else if (event.done === true) next = undefined;
        else {
          const request = read(event.value, 'signal', call);
          const durable = intake.add(request.deliveries, request.bytes).then(() => 'durable' as const);
          durable.catch(() => {});
          waiting.push({ request, durable });
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
    rawUnary(method.ingestSignals, 'write', ingestBatch('signal')),
    rawBidiStream(method.streamSignals, 'stream', streamSignals),
    rawUnary(method.ingestOutcomes, 'write', ingestBatch('outcome')),
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

function accountsOf(deliveries: readonly Delivery[]): ReadonlySet<string> {
  const accounts = new Set<string>();
  for (const { record } of deliveries) {
    const account = accountOf(record);
    if (account !== undefined) accounts.add(account);
  }
  return accounts;
}

function accountOf(record: Parsed): string | undefined {
  if (record.kind === 'signal') return record.signal.accountId;
  if (record.kind === 'outcome') return record.outcome.accountId;
  return undefined;
}

function summaryOf(deliveries: readonly Delivery[]): Summary {
  const rejections: Summary['rejections'] = [];
  let rejectedCount = 0;
  deliveries.forEach(({ record }, index) => {
    if (record.kind !== 'rejection') return;
    rejectedCount++;
    if (rejections.length >= LIMITS.rejectionsInAnswer) return;
    const { id, reason, detail, field } = record.rejection;
    rejections.push({ index, id, reason, detail, field });
  });
  return { acceptedCount: deliveries.length - rejectedCount, rejectedCount, rejections };
}
