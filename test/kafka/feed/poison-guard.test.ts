import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PoisonGuard } from '../../../src/kafka/feed/poison-guard.js';

const feed = (guard: PoisonGuard, rejected: readonly boolean[]) => {
  for (const [i, bad] of rejected.entries()) {
    const fault = guard.see(bad);
    if (fault !== undefined) return { at: i, fault };
  }
  return undefined;
};
const repeat = (value: boolean, times: number) => Array<boolean>(times).fill(value);

it('lets a run of rejected messages pass up to the limit, and stops at the next', () => {
  const guard = () => new PoisonGuard({ ratio: 1, window: 1_000, run: 5 });
  expect(feed(guard(), [...repeat(true, 5), false, ...repeat(true, 5)])).toBeUndefined();
  expect(feed(guard(), repeat(true, 6))).toMatchObject({
    at: 5,
    fault: expect.stringContaining('5 messages'),
  });
});

it('stops when the share of a full window is over the limit, not before the window is full', () => {
  const guard = () => new PoisonGuard({ ratio: 0.3, window: 10, run: 100 });
  expect(feed(guard(), repeat(true, 9))).toBeUndefined();
  expect(feed(guard(), [...repeat(false, 7), ...repeat(true, 3)])).toBeUndefined();
  expect(feed(guard(), [...repeat(false, 7), ...repeat(true, 4)])).toMatchObject({ at: 10 });
});

it('agrees with counting the window anew for every message', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      (rejected, window, run, ratio) => {
        const naive = rejected.findIndex((bad, i) => {
          const runs = rejected.slice(0, i + 1).lastIndexOf(false);
          const latest = rejected.slice(Math.max(0, i + 1 - window), i + 1);
          const share = latest.filter(Boolean).length / window;
          return bad && (i - runs > run || (latest.length === window && share > ratio));
        });
        const stopped = feed(new PoisonGuard({ ratio, window, run }), rejected);
        expect(stopped?.at ?? -1).toBe(naive);
      },
    ),
  );
});
