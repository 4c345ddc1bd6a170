import { testClient, unique } from './kafka.js';

/** A message as tests look at it. */
export interface Read {
  readonly partition: number;
  readonly key: string | null;
  /** Null: it deletes its key. */
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Every message that a topic holds now, in the order of its partitions. */
export async function readTopic(topic: string, brokers?: readonly string[]): Promise<readonly Read[]> {
  const client = testClient(brokers);
  const admin = client.admin();
  const consumer = client.consumer({ groupId: unique('reader') });
  await Promise.all([admin.connect(), consumer.connect()]);
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    const left = new Map(
      ends
        .filter(({ low, high }) => Number(high) > Number(low))
        .map(({ partition, high }) => [partition, Number(high)]),
    );
    const read: Read[] = [];
    if (left.size === 0) return read;
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async ({ partition, message: { key, value, headers, offset } }) => {
            if (!left.has(partition)) return;
            const texts = Object.entries(headers ?? {}).map(([name, of]) => [name, String(of)]);
            read.push({
              partition,
              key: key?.toString() ?? null,
              value: value?.toString() ?? null,
              headers: Object.fromEntries(texts),
            });
            if (Number(offset) + 1 >= left.get(partition)!) left.delete(partition);
            if (left.size === 0) resolve();
          },
        })
        .catch(reject);
    });
    return read.sort((a, b) => a.partition - b.partition);
  } finally {
    await Promise.allSettled([consumer.disconnect(), admin.disconnect()]);
  }
}
