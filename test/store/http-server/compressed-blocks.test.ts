import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cityHash128 } from '../../../src/store/http-server/city-hash.js';
import { packedBlock, unpackedBlocks } from '../../../src/store/http-server/compressed-blocks.js';

/** Bytes that a small generator gives, so that other implementations can be asked about the same. */
function bytesOf(length: number): Uint8Array {
  let state = 12345;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) & 255;
  });
}

// From github.com/go-faster/city, which clickhouse-go uses.
it.each([
  [0, '3df09dfc64c09a2b', '3cb540c392e51e29'],
  [3, '2b9b365ad5d33691', '17f4fe3d9bbd3061'],
  [7, 'af20e910dec0637a', '22c052aa6310309e'],
  [8, 'deda1fb722172632', '7596802bb3b5a01c'],
  [15, 'b7f73af1b8c5d69d', '190c33c372a3cdce'],
  [16, '856649974354b93f', '0d1cbf52559578eb'],
  [17, 'bba596bc64aafbfa', 'b9f42b2b18c59fb6'],
  [31, '9af6b2b4b3234352', 'c8d2ff6dbba1cb83'],
  [33, '1501c2d246b3597d', 'fb9b954a11e37869'],
  [64, '3df67e98192acc6f', '05799709a8f52bda'],
  [127, '80f79f2ce7850573', '1645a28b53210819'],
  [128, '5a8dc0d532bcc3d6', 'c9683ac2e061db65'],
  [143, 'd401b1f2623d9b13', '1fb430c84eb4746b'],
  [144, 'c46e8caa0f240d15', '8f83b7d838f644f5'],
  [160, 'a7c3cbde57fd7ea9', 'b773fc764d12590f'],
  [255, 'fd826463869c0af2', '0c5d5d6401bd3c5e'],
  [257, '12f301015f2c2c1a', '2ffdb75382140053'],
  [1000, 'f044a9d0dafaba9c', 'ea770efffe31133d'],
  [4096, '717493e6f3801e72', '6b92e5ba54f67d1a'],
])('the checksum of %i bytes is that of ClickHouse', (length, low, high) => {
  const view = new DataView(cityHash128(bytesOf(length)).buffer);
  const hex = (at: number) => view.getBigUint64(at, true).toString(16).padStart(16, '0');
  expect([hex(0), hex(8)]).toEqual([low, high]);
});

async function unpacked(chunks: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of unpackedBlocks(
    (async function* () {
      yield* chunks;
    })(),
  ))
    parts.push(part);
  return Buffer.concat(parts);
}

it('blocks come back as they were, however they are cut on the way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 50 }),
      async (parts, step) => {
        const whole = Buffer.concat(parts.map((part) => packedBlock(part)));
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < whole.length; at += step) chunks.push(whole.subarray(at, at + step));
        expect(await unpacked(chunks)).toEqual(Buffer.concat(parts));
      },
    ),
    { numRuns: 100 },
  );
});

it('what is damaged, cut or too large is refused', async () => {
  const block = packedBlock(bytesOf(1000));
  for (let at = 0; at < block.length; at += 7) {
    const broken = Buffer.from(block);
    broken[at]! ^= 1;
    await expect(unpacked([broken])).rejects.toMatchObject({ code: 271 });
  }
  await expect(unpacked([block.subarray(0, 500)])).rejects.toMatchObject({ code: 271 });
  const bomb = Buffer.from(block);
  bomb.writeUInt32LE(0x7fffffff, 17);
  await expect(unpacked([bomb])).rejects.toMatchObject({ code: 271 });
});
