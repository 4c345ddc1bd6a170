/**
 * CityHash128 of version 1.0.2, the checksum of ClickHouse's compressed blocks. Later versions give other values.
 * A number is a BigInt of 64 bits; `mul`, `add` and the like wrap around as those of a processor do.
 */
const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;
const K3 = 0xc949d7c7509e6557n;
const MIX = 0x9ddfea08eb382d69n;

type Pair = [low: bigint, high: bigint];

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotated = (value: bigint, by: bigint): bigint => wrap((value >> by) | (value << (64n - by)));
const mixed = (value: bigint): bigint => value ^ (value >> 47n);

/** The hash as its 16 bytes on the wire. */
export function cityHash128(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [low, high] = hashed(view);
  const out = new DataView(new ArrayBuffer(16));
  out.setBigUint64(0, low, true);
  out.setBigUint64(8, high, true);
  return new Uint8Array(out.buffer);
}

function hashed(view: DataView): Pair {
  const length = view.byteLength;
  if (length >= 16) return seeded(view, 16, [u64(view, 0) ^ K3, u64(view, 8)]);
  if (length >= 8)
    return seeded(view, length, [wrap(u64(view, 0) ^ wrap(BigInt(length) * K0)), u64(view, length - 8) ^ K1]);
  return seeded(view, 0, [K0, K1]);
}

function seeded(view: DataView, from: number, seed: Pair): Pair {
  const length = view.byteLength - from;
  if (length < 128) return murmured(view, from, seed);
  let [x, y] = seed;
  let z = wrap(BigInt(length) * K1);
  const v0 = wrap(rotated(y ^ K1, 49n) * K1 + u64(view, from));
  let v: Pair = [v0, wrap(rotated(v0, 42n) * K1 + u64(view, from + 8))];
  let w: Pair = [
    wrap(rotated(wrap(y + z), 35n) * K1 + x),
    wrap(rotated(wrap(x + u64(view, from + 88)), 53n) * K1),
  ];
  let at = from;
  for (; view.byteLength - at >= 128; at += 128)
    for (const s of [at, at + 64]) {
      x = wrap(rotated(wrap(x + y + v[0] + u64(view, s + 16)), 37n) * K1) ^ w[1];
      y = wrap(rotated(wrap(y + v[1] + u64(view, s + 48)), 42n) * K1) ^ v[0];
      z = rotated(z ^ w[0], 33n);
      v = weak(view, s, wrap(v[1] * K1), wrap(x + w[0]));
      w = weak(view, s + 32, wrap(z + w[1]), y);
      [z, x] = [x, z];
    }
  y = wrap(y + rotated(w[0], 37n) * K0 + z);
  x = wrap(x + rotated(wrap(v[0] + z), 49n) * K0);
  // What is left, in pieces of 32 bytes from the end, the last of which may reach back.
  const left = view.byteLength - at;
  for (let done = 32; done - 32 < left; done += 32) {
    const s = view.byteLength - done;
    y = wrap(rotated(wrap(y - x), 42n) * K0 + v[1]);
    w[0] = wrap(w[0] + u64(view, s + 16));
    x = wrap(rotated(x, 49n) * K0 + w[0]);
    w[0] = wrap(w[0] + v[0]);
    v = weak(view, s, v[0], v[1]);
  }
  x = joined(x, v[0]);
  y = joined(y, w[0]);
  return [wrap(joined(wrap(x + v[1]), w[1]) + y), joined(wrap(x + w[1]), wrap(y + v[1]))];
}

/** For fewer than 128 bytes. */
function murmured(view: DataView, from: number, seed: Pair): Pair {
  const length = view.byteLength - from;
  let [a, b] = seed;
  let c: bigint;
  let d: bigint;
  const stir = (value: bigint, s: number) => wrap((value ^ wrap(mixed(wrap(u64(view, s) * K1)) * K1)) * K1);
  if (length <= 16) {
    a = wrap(mixed(wrap(a * K1)) * K1);
    c = wrap(b * K1 + short(view, from));
    d = mixed(wrap(a + (length >= 8 ? u64(view, from) : c)));
  } else {
    const end = view.byteLength;
    c = joined(wrap(u64(view, end - 8) + K1), a);
    d = joined(wrap(b + BigInt(length)), wrap(c + u64(view, end - 16)));
    a = wrap(a + d);
    for (let s = from, left = length - 16; left > 0; s += 16, left -= 16) {
      a = stir(a, s);
      b ^= a;
      c = stir(c, s + 8);
      d ^= c;
    }
  }
  a = joined(a, c);
  b = joined(d, b);
  return [a ^ b, joined(b, a)];
}

/** For at most 16 bytes. */
function short(view: DataView, from: number): bigint {
  const length = view.byteLength - from;
  const size = BigInt(length);
  if (length > 8) {
    const last = u64(view, from + length - 8);
    return joined(u64(view, from), rotated(wrap(last + size), size)) ^ last;
  }
  if (length >= 4) {
    const first = BigInt(view.getUint32(from, true));
    return joined(wrap(size + (first << 3n)), BigInt(view.getUint32(from + length - 4, true)));
  }
  if (length === 0) return K2;
  const y = BigInt(view.getUint8(from)) + (BigInt(view.getUint8(from + (length >> 1))) << 8n);
  const z = size + (BigInt(view.getUint8(from + length - 1)) << 2n);
  return wrap(mixed(wrap(wrap(y * K2) ^ wrap(z * K3))) * K2);
}

function weak(view: DataView, s: number, seedA: bigint, seedB: bigint): Pair {
  const first = wrap(seedA + u64(view, s));
  const z = u64(view, s + 24);
  const turned = rotated(wrap(seedB + first + z), 21n);
  const a = wrap(first + u64(view, s + 8) + u64(view, s + 16));
  return [wrap(a + z), wrap(turned + rotated(a, 44n) + first)];
}

function joined(low: bigint, high: bigint): bigint {
  const a = mixed(wrap((low ^ high) * MIX));
  return wrap(mixed(wrap((high ^ a) * MIX)) * MIX);
}

function u64(view: DataView, at: number): bigint {
  return view.getBigUint64(at, true);
}
