import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAhead } from '../../src/engine/read-ahead.js';

/** Counts up, tells how far it was asked, fails after `failsAfter`, and says when it was closed. */
function counting(count: number, failsAfter = Number.POSITIVE_INFINITY) {
  const seen = { asked: 0, closed: false };
  async function* source(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < count; i++) {
        seen.asked++;
        if (i === failsAfter) throw new Error('no more');
        yield i;
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, source: source() };
}

it('gives every item in order, and asks for one ahead of what is used', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 20 }), async (count) => {
      const { seen, source } = counting(count);
      const got: number[] = [];
      for await (const item of readAhead(source)) {
        got.push(item);
        expect(seen.asked).toBe(Math.min(count, item + 2));
      }
      expect(got).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(seen.closed).toBe(true);
    }),
  );
});

it('fails where the source fails, after everything before it', async () => {
  const { source } = counting(5, 3);
  const got: number[] = [];
  const all = async () => {
    for await (const item of readAhead(source)) got.push(item);
  };
  await expect(all()).rejects.toThrow('no more');
  expect(got).toEqual([0, 1, 2]);
});

it('leaves nothing open when its reader stops early, also when what was read ahead failed', async () => {
  for (const failsAfter of [1, Number.POSITIVE_INFINITY]) {
    const { seen, source } = counting(5, failsAfter);
    for await (const item of readAhead(source)) {
      expect(item).toBe(0);
      break;
    }
    expect(seen.closed).toBe(true);
    expect(seen.asked).toBe(2);
  }
});
