import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf, partitionSql } from '../../src/kafka/partition-of.js';
import { tempStore } from '../support/temp-store.js';

describe('the partition of an account', () => {
  let temp: Awaited<ReturnType<typeof tempStore>>;
  beforeAll(async () => {
    temp = await tempStore();
  });
  afterAll(() => temp.close());

  it('is the same for Kafka and for ClickHouse, whatever the key and the number of partitions', async () => {
    const keys = fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), {
      numRuns: 3_000,
      seed: 1,
    });
    for (const partitions of [1, 2, 3, 12, 50, 1_000]) {
      const rows = await temp.store.rows<{ partition: number }>(
        `SELECT ${partitionSql('k', '{of:UInt32}')} AS partition
         FROM (SELECT arrayJoin(arrayEnumerate({keys:Array(String)})) AS i, {keys:Array(String)}[i] AS k) ORDER BY i`,
        { keys, of: partitions },
      );
      expect(rows.map(({ partition }) => partition)).toEqual(keys.map((key) => partitionOf(key, partitions)));
    }
  });
});
