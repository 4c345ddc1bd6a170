import fc from 'fast-check';
import { snappyCompress } from 'hysnappy';
import { describe, expect, it } from 'vitest';
import { unpackGzip } from '../../../src/kafka/compression/gzip.js';
import { unpackLz4 } from '../../../src/kafka/compression/lz4.js';
import { unpackSnappy } from '../../../src/kafka/compression/snappy.js';
import type { Unpack } from '../../../src/kafka/compression/unpack.js';
import { unpackZstd } from '../../../src/kafka/compression/zstd.js';
import { fixture, text } from './fixtures.js';

const LIMIT = 10_000_000;
const HEADER = 61;
/** The records of a batch as a Java producer packs them, and other forms that a broker takes. */
const FORMS: readonly (readonly [string, Unpack, Buffer])[] = [
  ['gzip', unpackGzip, fixture('gzip.batch').subarray(HEADER)],
  ['framed snappy', unpackSnappy, fixture('snappy.batch').subarray(HEADER)],
  ['bare snappy', unpackSnappy, fixture('bare.snappy')],
  ['lz4', unpackLz4, fixture('lz4.batch').subarray(HEADER)],
  ['lz4 with sizes and checksums', unpackLz4, fixture('checked.lz4')],
  ['zstd', unpackZstd, fixture('zstd.batch').subarray(HEADER)],
  ['zstd with its size', unpackZstd, fixture('sized.zst')],
];

it.each([
  ['bare snappy', unpackSnappy, 'bare.snappy'],
  ['lz4 with large blocks, sizes and checksums', unpackLz4, 'checked.lz4'],
  ['zstd that tells its size', unpackZstd, 'sized.zst'],
] as const)('unpacks %s', async (_name, unpack, file) => {
  expect(text.equals(await unpack(fixture(file), LIMIT))).toBe(true);
});

it('unpacks lz4 blocks that were left as they are', () => {
  expect(unpackLz4(fixture('noise.lz4'), LIMIT)).toEqual(fixture('noise.bin'));
});

it('unpacks several zstd frames, with checksums, without sizes, and with one to skip', async () => {
  expect(Buffer.concat([text, text]).equals(await unpackZstd(fixture('frames.zst'), LIMIT))).toBe(true);
});

it('unpacks several lz4 frames', () => {
  const twice = Buffer.concat([fixture('checked.lz4'), fixture('noise.lz4')]);
  expect(Buffer.concat([text, fixture('noise.bin')]).equals(unpackLz4(twice, LIMIT))).toBe(true);
});

describe.each(FORMS)('%s', (_name, unpack, packed) => {
  const size = async () => (await unpack(packed, LIMIT)).length;

  it('is unpacked up to the limit, and no further', async () => {
    expect(await unpack(packed, await size())).toHaveLength(await size());
    await expect(async () => unpack(packed, (await size()) - 1)).rejects.toThrow('than is allowed');
  });

  it('that ends too early is refused', async () => {
    for (let cut = packed.length - 1; cut > 0; cut = Math.floor(cut * 0.9))
      await expect(async () => unpack(packed.subarray(0, cut), LIMIT)).rejects.toThrow();
  });

  it('that is damaged anywhere is refused or gives other bytes, and the next is unpacked as ever', async () => {
    const bytes = fc.tuple(fc.nat({ max: packed.length - 1 }), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Buffer.from(packed);
        for (const [at, change] of changes) damaged[at]! ^= change;
        try {
          expect((await unpack(damaged, LIMIT)).length).toBeLessThanOrEqual(LIMIT);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
    expect(await size()).toBeGreaterThan(0);
  });
});

it('unpacks any bytes that were packed with snappy, bare and framed', () => {
  const bytes = fc.uint8Array({ maxLength: 5_000, max: 3 });
  fc.assert(
    fc.property(bytes, bytes, (one, two) => {
      const parts = [one, two].map((part) => Buffer.from(snappyCompress(part)));
      expect(unpackSnappy(parts[0]!, LIMIT)).toEqual(Buffer.from(one));
      const framed = parts.flatMap((part) => {
        const length = Buffer.alloc(4);
        length.writeInt32BE(part.length);
        return [length, part];
      });
      const header = fixture('snappy.batch').subarray(HEADER, HEADER + 16);
      expect(unpackSnappy(Buffer.concat([header, ...framed]), LIMIT)).toEqual(Buffer.concat([one, two]));
    }),
  );
});

describe('an lz4 block', () => {
  /** Literals, then a copy of what lies `back` bytes before, `match` bytes long. */
  const sequence = fc.record({
    literals: fc.uint8Array({ minLength: 1, maxLength: 600 }),
    back: fc.nat(),
    match: fc.integer({ min: 4, max: 600 }),
  });

  it('gives the literals and copies that its sequences say, whatever their lengths', () => {
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 20 }), fc.uint8Array({ minLength: 1 }), (list, last) => {
        const block: number[] = [];
        const plain: number[] = [];
        for (const { literals, back, match } of list) {
          const distance = 1 + (back % (plain.length + literals.length));
          block.push((short(literals.length) << 4) | short(match - 4), ...more(literals.length), ...literals);
          block.push(distance & 0xff, distance >>> 8, ...more(match - 4));
          plain.push(...literals);
          for (let i = 0; i < match; i++) plain.push(plain[plain.length - distance]!);
        }
        block.push(short(last.length) << 4, ...more(last.length), ...last);
        plain.push(...last);
        expect(unpackLz4(frame(block), LIMIT)).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('that copies from before its begin is refused', () => {
    expect(() => unpackLz4(frame([0x10, 1, 2, 0, 0x10, 9]), LIMIT)).toThrow('damaged');
  });

  it('that is larger than its frame allows is refused', () => {
    const ones = [0x1f, 1, 1, 0, ...more(70_000), 0x10, 1];
    expect(() => unpackLz4(frame(ones), LIMIT)).toThrow('damaged');
  });

  const short = (length: number) => Math.min(15, length);
  const more = (length: number) =>
    length < 15 ? [] : [...Array<number>(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255];
  const frame = (block: readonly number[]) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    return Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, ...size, ...block, 0, 0, 0, 0]);
  };
});

it('refuses lz4 frames that no broker takes: with blocks that lean on each other, or a dictionary', () => {
  for (const flags of [0x40, 0x61, 0xa0]) {
    const other = Buffer.from(fixture('noise.lz4'));
    other[4] = flags;
    expect(() => unpackLz4(other, LIMIT)).toThrow('not of the kind that Kafka uses');
  }
});
