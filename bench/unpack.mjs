// How fast compressed batches of Kafka are unpacked, against what Node itself brings: gzip of the same messages.
// Run with `node bench/unpack.mjs [--json]` after a build.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { unpackLz4 } from '../dist/kafka/compression/lz4.js';
import { unpackSnappy } from '../dist/kafka/compression/snappy.js';
import { unpackZstd } from '../dist/kafka/compression/zstd.js';
import { inTurn, MACHINE, report } from './harness.mjs';

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const ROUNDS = 9;
const MESSAGES = 1_000;
const LIMIT = 10_000_000;
const HEADER = 61;

/** The records of a batch as a Java producer packs them. */
const records = (codec) =>
  readFileSync(new URL(`../test/kafka/compression/fixtures/${codec}.batch`, import.meta.url)).subarray(
    HEADER,
  );

/** Messages a second of processor time: other work on the machine then matters less. */
function rate(packed, unpack) {
  return async () => {
    const started = process.cpuUsage();
    let batches = 0;
    let used = 0;
    for (; used < 200_000; batches++) {
      await unpack(packed, LIMIT);
      const { user, system } = process.cpuUsage(started);
      used = user + system;
    }
    return (batches * MESSAGES * 1e6) / used;
  };
}

const gzip = rate(records('gzip'), gunzipSync);
for (const [codec, unpack] of Object.entries({ snappy: unpackSnappy, lz4: unpackLz4, zstd: unpackZstd })) {
  const packed = records(codec);
  const bytes = (await unpack(packed, LIMIT)).length;
  const { value, baseline } = await inTurn(ROUNDS, rate(packed, unpack), gzip);
  const megabytes = Math.round((value * bytes) / MESSAGES / 1e6);
  const config = { bytes, packed: packed.length, megabytes, rounds: ROUNDS, machine: MACHINE };
  const words = `${megabytes} MB/s, ${packed.length} bytes to ${bytes}, baseline: gzip; ${MACHINE}`;
  report(
    { name: `kafka.unpack.${codec}`, config: options.json ? config : words, value, baseline },
    options.json,
  );
}
