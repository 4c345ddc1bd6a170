import type { Kafka } from 'kafkajs';

/** Where a partition begins and ends. Offsets name the next message. */
export interface PartitionOffsets {
  readonly topic: string;
  readonly partition: number;
  /** First message that retention has left. */
  readonly low: number;
  /** Behind the last message that can be read: of a transaction that has not ended nothing can, nor of what came after it began. */
  readonly stableEnd: number;
  /** Behind the last message. */
  readonly end: number;
}

interface TopicQuery {
  readonly topic: string;
  readonly fromBeginning: boolean;
  readonly partitions: readonly { readonly partition: number }[];
}

interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** The part of kafkajs's cluster that is used here. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  fetchTopicsOffset(topics: readonly TopicQuery[]): Promise<readonly TopicOffsets[]>;
}

type CreateCluster = (options: {
  readonly allowAutoTopicCreation: boolean;
  readonly isolationLevel: number;
  readonly metadataMaxAge: number;
}) => Cluster;

/** How long it may take until partitions that were added to a topic are seen. */
export const METADATA_MS = 15_000;

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/**
 * Asks brokers where partitions end, by both meanings of "end". kafkajs's administrator asks for the stable end only, calls it the
 * high watermark, and can't be asked otherwise; the cluster behind it can (docs/adr/0071-inside-kafkajs.md).
 */
export class OffsetsOfPartitions {
  readonly #stable: Cluster;
  readonly #all: Cluster;
  #connected = false;

  constructor(kafka: Kafka) {
    const create = createClusterOf(kafka);
    const options = { allowAutoTopicCreation: false, metadataMaxAge: METADATA_MS };
    this.#stable = create({ ...options, isolationLevel: READ_COMMITTED });
    this.#all = create({ ...options, isolationLevel: READ_UNCOMMITTED });
  }

  async ask(topics: readonly string[]): Promise<readonly PartitionOffsets[]> {
    if (!this.#connected) {
      await Promise.all([this.#stable.connect(), this.#all.connect()]);
      this.#connected = true;
    }
    // One after another: what comes in meanwhile must not look as if it could not be read.
    const ends = await offsets(this.#all, topics, false);
    const [lows, stables] = await Promise.all([
      offsets(this.#stable, topics, true),
      offsets(this.#stable, topics, false),
    ]);
    return [...ends].map(([key, { topic, partition, offset: end }]) => {
      const stableEnd = Math.min(end, stables.get(key)?.offset ?? end);
      return { topic, partition, low: Math.min(stableEnd, lows.get(key)?.offset ?? 0), stableEnd, end };
    });
  }

  async close(): Promise<void> {
    this.#connected = false;
    await Promise.allSettled([this.#stable.disconnect(), this.#all.disconnect()]);
  }
}

interface Found {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

async function offsets(
  cluster: Cluster,
  topics: readonly string[],
  fromBeginning: boolean,
): Promise<ReadonlyMap<string, Found>> {
  await cluster.addMultipleTargetTopics(topics);
  await cluster.refreshMetadataIfNecessary();
  const found = await cluster
    .fetchTopicsOffset(
      topics.map((topic) => ({
        topic,
        fromBeginning,
        partitions: cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => ({ partition: partitionId })),
      })),
    )
    .catch(async (error: unknown) => {
      // A leader may have moved; kafkajs keeps what it knows for five minutes.
      await cluster.refreshMetadata();
      throw error;
    });
  return new Map(
    found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [
        `${topic}/${partition}`,
        { topic, partition, offset: Number(offset) },
      ]),
    ),
  );
}

function createClusterOf(kafka: Kafka): CreateCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = symbol === undefined ? undefined : (kafka as unknown as Record<symbol, unknown>)[symbol];
  if (typeof create !== 'function') throw new TypeError('This release of kafkajs is built otherwise.');
  return create as CreateCluster;
}
