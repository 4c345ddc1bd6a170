import { expect, it } from 'vitest';
import { describeWithKafka, unique, useKafka } from '../support/kafka.js';

describeWithKafka('the broker that tests share', () => {
  const kafka = useKafka();

  it('keeps what is produced', async () => {
    const topic = unique('broker');
    await kafka.createTopic({ topic, numPartitions: 2 });
    await kafka.producer.send({ topic, messages: [{ key: 'a', value: '1' }] });
    const offsets = await kafka.admin.fetchTopicOffsets(topic);
    expect(offsets.map((partition) => Number(partition.high)).sort()).toEqual([0, 1]);
  });
});
