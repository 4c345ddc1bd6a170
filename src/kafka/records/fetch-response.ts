import { LIMITS } from '../../core/limits.js';
import { isBatch, type RecordBatch, readHeader } from './record-batch.js';
import { RecordCursor } from './record-cursor.js';
import { unpackRecords } from './unpack-records.js';

/**
 * A record batch in the form of one message, which is what kafkajs passes on. Its offset is the last of the batch, and it has what
 * kafkajs looks at to leave out markers and aborted transactions: a batch is in one transaction as a whole, or in none.
 */
export interface FetchedBatch {
  readonly offset: string;
  readonly timestamp: string;
  readonly attributes: 0;
  readonly key: Buffer | null;
  readonly value: null;
  readonly headers: Readonly<Record<string, never>>;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
  readonly batch: RecordBatch;
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly preferredReadReplica: number;
  readonly messages: readonly FetchedBatch[];
}

const NO_HEADERS = Object.freeze({});

/**
 * Reads a Fetch answer (version 11), as kafkajs does, but with a batch as one message and its records unread: a signal is cut out of
 * these bytes once, where it is parsed. kafkajs makes a dozen objects of each record, in a time that grows with the square of its
 * headers. https://kafka.apache.org/protocol#The_Messages_Fetch
 */
export async function readFetchResponse(bytes: Buffer): Promise<FetchResponse> {
  const reader = new Reader(bytes);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const budget = { left: LIMITS.kafkaUnpackedBytes };
  const responses: { topicName: string; partitions: FetchedPartition[] }[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.text();
    const partitions: FetchedPartition[] = [];
    for (let count = reader.int32(); count > 0; count--) partitions.push(await readPartition(reader, budget));
    responses.push({ topicName, partitions });
  }
  // The broker has not made us wait: it says how long it would like us to.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function readPartition(reader: Reader, budget: { left: number }): Promise<FetchedPartition> {
  const head = {
    partition: reader.int32(),
    errorCode: reader.int16(),
    highWatermark: reader.int64(),
    lastStableOffset: reader.int64(),
    lastStartOffset: reader.int64(),
  };
  const abortedTransactions: { producerId: string; firstOffset: string }[] = [];
  for (let count = reader.int32(); count > 0; count--)
    abortedTransactions.push({ producerId: reader.int64(), firstOffset: reader.int64() });
  const preferredReadReplica = reader.int32();
  const messages = await readBatches(reader.bytesBehindLength(), budget);
  return { ...head, abortedTransactions, preferredReadReplica, messages };
}

/** The whole batches: the last one may have been cut off, and comes again with the next answer. */
async function readBatches(bytes: Buffer, budget: { left: number }): Promise<FetchedBatch[]> {
  const batches: FetchedBatch[] = [];
  for (let at = 0; isBatch(bytes, at); ) {
    const header = readHeader(bytes, at);
    if (header === undefined) break;
    const batch = await unpackRecords(bytes, at, header, budget.left);
    if (header.codec !== 0) budget.left -= batch.records.length;
    batches.push(asMessage(batch));
    at += header.bytes;
  }
  return batches;
}

function asMessage(batch: RecordBatch): FetchedBatch {
  const { lastOffset, producerId, inTransaction, isControl, firstTimestamp } = batch.header;
  return {
    offset: String(lastOffset),
    timestamp: String(firstTimestamp),
    attributes: 0,
    key: isControl ? firstKey(batch) : null,
    value: null,
    headers: NO_HEADERS,
    isControlRecord: isControl,
    batchContext: { producerId, inTransaction },
    batch,
  };
}

/** Of a marker it says whether the transaction was committed or aborted. */
function firstKey(batch: RecordBatch): Buffer | null {
  const cursor = new RecordCursor(batch);
  return batch.unreadable === undefined && cursor.next() ? cursor.key() : null;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  int64(): string {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8).toString();
  }

  text(): string {
    return this.#take(this.int16()).toString('utf8');
  }

  bytesBehindLength(): Buffer {
    return this.#take(this.int32());
  }

  #take(length: number): Buffer {
    const start = this.#at;
    this.#at += Math.max(0, length);
    if (this.#at > this.#bytes.length) throw new RangeError('An answer of the broker ends too early.');
    return this.#bytes.subarray(start, this.#at);
  }
}
