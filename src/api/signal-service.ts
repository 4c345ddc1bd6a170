import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import * as signalPb from '../gen/perennial/v1/signal.js';
import { Batcher } from '../ingest/batcher.js';
import type { Delivery } from '../ingest/signal-source.js';
import { parseMessage } from '../signals/parse.js';
import type { ParseContext, Parsed } from '../signals/parsed.js';
import type { Calls } from './calls.js';
import { signalBytesOf } from './signal-envelope.js';

/** Requests arrive as bytes: a signal that can't be decoded must not end the stream, and its bytes are kept. */
export const signalServiceDefinition = {
  ...signalPb.SignalServiceService,
  ingestSignals: {
    ...signalPb.SignalServiceService.ingestSignals,
    requestDeserialize: (bytes: Buffer) => bytes,
  },
} satisfies ServiceDefinition;

export interface SignalServiceOptions {
  /** Writes a batch and resolves once it is durable. */
  readonly ingest: (batch: readonly Delivery[]) => Promise<unknown>;
  /** The context in which a signal is read that arrives now. */
  readonly catalogue: () => ParseContext['catalogue'];
  readonly clock: Clock;
}

const PROTOBUF = { 'content-type': 'application/protobuf' };
/** gRPC has neither topics nor offsets: a refused signal sent again is the same row, told apart by its bytes. */
const ORIGIN = { topic: 'grpc', partition: -1, offset: -1 } as const;

export function signalService(
  { ingest, catalogue, clock }: SignalServiceOptions,
  calls: Calls,
): UntypedServiceImplementation {
  let streams = 0;

  const ingestSignals = async (
    requests: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<signalPb.IngestSignalsResponse> => {
    if (streams >= LIMITS.signalStreams) throw tooManyStreams();
    streams++;
    try {
      return await takeIn(requests, signal);
    } finally {
      streams--;
    }
  };

  const takeIn = async (
    requests: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<signalPb.IngestSignalsResponse> => {
    const answer: signalPb.IngestSignalsResponse = { accepted: 0, rejected: 0, rejections: [] };
    // While this waits for a batch nothing is read, and HTTP/2 holds the sender back.
    const batcher = new Batcher(
      async (batch) => void (await ingest(batch)),
      LIMITS.batchRows,
      LIMITS.streamBatchBytes,
    );
    let index = 0;
    try {
      for await (const request of requests) {
        const receivedAt = clock();
        const record = read(request, { receivedAt, catalogue: catalogue() });
        note(answer, record, index++);
        batcher.add({ record, origin: ORIGIN, receivedAt }, request.length);
        if (batcher.full) await batcher.flush();
      }
      signal.throwIfAborted();
    } catch (thrown) {
      // What is under way to the store still belongs to this call.
      await batcher.settled();
      throw thrown;
    }
    await batcher.finish();
    return answer;
  };

  return { ingestSignals: calls.clientStream(ingestSignals) };
}

function read(request: Buffer, context: ParseContext): Parsed {
  const body = signalBytesOf(request);
  if (body !== undefined) return parseMessage({ body, headers: PROTOBUF }, 'signal', context);
  const detail = '`signal` is missing: every request carries one.';
  return {
    kind: 'rejection',
    rejection: { reason: 'missing_field', detail, field: 'signal', id: '', raw: request },
  };
}

function note(answer: signalPb.IngestSignalsResponse, record: Parsed, index: number): void {
  if (record.kind !== 'rejection') {
    answer.accepted++;
    return;
  }
  answer.rejected++;
  if (answer.rejections.length >= LIMITS.rejectionsInAnswer) return;
  const { id, reason, detail, field } = record.rejection;
  answer.rejections.push({ index, id, reason, detail, field });
}

function tooManyStreams(): PerennialError {
  return new PerennialError(
    'limit_exceeded',
    `${LIMITS.signalStreams} streams of signals are open already.`,
    { hint: 'Send more signals over fewer streams, or try again with growing pauses.', retryable: true },
  );
}
