import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wholeFrames } from '../../src/kafka/framed-socket.js';

const frame = (payload: Uint8Array) => {
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  return Buffer.concat([size, payload]);
};

describe('whole frames', () => {
  it('come out as they went in, however the stream was cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (payloads, sizes) => {
          const frames = payloads.map(frame);
          const stream = Buffer.concat(frames);
          const out: Buffer[] = [];
          const take = wholeFrames(
            (whole) => out.push(Buffer.from(whole)),
            () => expect.unreachable(),
          );
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = at + sizes[i % sizes.length]!;
            take(stream.subarray(at, end));
            at = end;
          }
          expect(out).toEqual(frames);
        },
      ),
    );
  });

  it('never come out in part when the stream ends early', () => {
    const out: Buffer[] = [];
    const take = wholeFrames(
      (whole) => out.push(whole),
      () => expect.unreachable(),
    );
    take(frame(Buffer.from('first')));
    take(frame(Buffer.from('second')).subarray(0, 7));
    expect(out.map((whole) => whole.subarray(4).toString())).toEqual(['first']);
  });

  it('fail on a size that no broker sends', () => {
    const faults: Error[] = [];
    const take = wholeFrames(
      () => expect.unreachable(),
      (fault) => faults.push(fault),
    );
    take(Buffer.from('HTTP/1.1 400 Bad Request'));
    take(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(faults.length).toBeGreaterThan(0);
  });
});
