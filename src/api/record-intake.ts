import type { Clock } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { DeliveryFate } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { parseMessage } from '../signals/parse.js';
import { accountOf, type ParseContext } from '../signals/parsed.js';
import { Intake, type WriteBatch } from './intake.js';
import { recordsOf } from './repeated-bytes.js';
import type { CallContext } from './rpc.js';

export interface RecordIntakeOptions {
  readonly ingest: WriteBatch;
  /** The signal catalogue that is active. */
  readonly catalogue: () => ParseContext['catalogue'];
  readonly clock: Clock;
}

/** What a request brings. */
export type RecordKind = 'signal' | 'subscription' | 'outcome';

/** What a request brought, as its answer has it; before it is stored. */
export interface RecordSummary {
  readonly acceptedCount: number;
  readonly rejectedCount: number;
  readonly rejections: { index: number; id: string; reason: string; detail: string; field: string }[];
}

/** What became of the records that were accepted. */
export interface RecordCounts {
  readonly newCount: number;
  readonly sameCount: number;
  readonly correctedCount: number;
  readonly retractedCount: number;
  readonly erasedCount: number;
}

export type StoredSummary = RecordSummary & { readonly counts: RecordCounts };

/** What one request brought, read. */
export interface ReadRequest {
  readonly deliveries: readonly Delivery[];
  readonly bytes: number;
  readonly summary: RecordSummary;
  readonly validateOnly: boolean;
}

const PROTOBUF = { 'content-type': 'application/protobuf' };
/** gRPC has neither topics nor offsets: a refused record sent again is the same row, identified by its bytes. */
export const GRPC_ORIGIN = { topic: 'grpc', partition: -1, offset: -1 } as const;

/** Takes in the records that calls and streams bring, those of all of them together. */
export class RecordIntake {
  readonly #options: RecordIntakeOptions;
  readonly #intake: Intake;

  constructor(options: RecordIntakeOptions) {
    this.#options = options;
    this.#intake = new Intake(options.ingest);
  }

  /** Answers a call that brings a batch, once it is durable. */
  batch(kind: RecordKind): (request: Uint8Array, call: CallContext) => Promise<RecordSummary> {
    return async (request, call) => {
      const read = this.read(request, kind, call);
      return read.validateOnly ? read.summary : this.store(read);
    };
  }

  /** Reads each record of a request; one that can't be read is refused alone. Throws `invalid_argument` for what is no request. */
  read(request: Uint8Array, kind: RecordKind, call: CallContext): ReadRequest {
    const { records, validateOnly } = recordsOf(request, `${kind}s`);
    const receivedAt = this.#options.clock();
    const context = { receivedAt, catalogue: this.#options.catalogue() };
    const deliveries = records.map((body) => ({
      record: parseMessage({ body, headers: PROTOBUF }, kind, context),
      origin: GRPC_ORIGIN,
      receivedAt,
    }));
    for (const account of accountsOf(deliveries)) call.about(account);
    return { deliveries, bytes: request.length, summary: summaryOf(deliveries), validateOnly };
  }

  /** Resolves once what a request brought is durable. */
  async store({ deliveries, bytes, summary }: ReadRequest): Promise<StoredSummary> {
    const fates = await this.#intake.add(deliveries, bytes);
    const accepted = fates.filter((_, index) => deliveries[index]!.record.kind !== 'rejection');
    return { ...summary, counts: countsOf(accepted) };
  }
}

function accountsOf(deliveries: readonly Delivery[]): ReadonlySet<string> {
  const accounts = new Set<string>();
  for (const { record } of deliveries) {
    const account = accountOf(record);
    if (account !== undefined) accounts.add(account);
  }
  return accounts;
}

function countsOf(fates: readonly DeliveryFate[]): RecordCounts {
  const count = (fate: DeliveryFate) => fates.reduce((sum, one) => sum + Number(one === fate), 0);
  return {
    newCount: count('new'),
    sameCount: count('same'),
    correctedCount: count('corrected'),
    retractedCount: count('retracted'),
    erasedCount: count('erased'),
  };
}

function summaryOf(deliveries: readonly Delivery[]): RecordSummary {
  const rejections: RecordSummary['rejections'] = [];
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
