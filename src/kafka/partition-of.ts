import { Partitioners, type PartitionMetadata } from 'kafkajs';

const partitioner = Partitioners.DefaultPartitioner();

/**
 * The partition of a key: Kafka's own murmur2, the same that Java producers pick and that ClickHouse computes as
 * `bitAnd(kafkaMurmurHash(key), 2147483647) % partitions`. `perennial.touched` and the periodic rescore lean on it.
 */
export function partitionOf(key: string | Buffer, partitions: number): number {
  return partitioner({ topic: '', partitionMetadata: metadataOf(partitions), message: { key, value: null } });
}

const cache = new Map<number, PartitionMetadata[]>();

function metadataOf(partitions: number): PartitionMetadata[] {
  let metadata = cache.get(partitions);
  if (metadata === undefined) {
    metadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    }));
    cache.set(partitions, metadata);
  }
  return metadata;
}

/** The same partition as an SQL expression. */
export function partitionSql(keyExpression: string, partitions: string | number): string {
  return `bitAnd(kafkaMurmurHash(${keyExpression}), 2147483647) % ${partitions}`;
}
