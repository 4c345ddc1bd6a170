import kafkajs, { CompressionTypes } from 'kafkajs';
import { expect, it } from 'vitest';
import { readSettings } from '../../src/core/settings.js';
import { createKafka } from '../../src/kafka/client.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { fixture } from './compression/fixtures.js';

it('every client reads every compression', async () => {
  const codec = (type: keyof typeof kafkajs.CompressionCodecs) => kafkajs.CompressionCodecs[type]();
  expect(() => codec(CompressionTypes.ZSTD)).toThrow('not implemented');
  createKafka(readSettings({ KAFKA_BROKERS: 'nowhere:9092' }), silentLogger());
  for (const [type, name] of [
    [CompressionTypes.GZIP, 'gzip'],
    [CompressionTypes.Snappy, 'snappy'],
    [CompressionTypes.LZ4, 'lz4'],
    [CompressionTypes.ZSTD, 'zstd'],
  ] as const)
    expect((await codec(type).decompress(fixture(`${name}.batch`).subarray(61))).length).toBeGreaterThan(
      200_000,
    );
});
