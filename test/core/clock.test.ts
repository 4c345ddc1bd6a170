import { describe, expect, it } from 'vitest';
import { HOUR_MS, onwardClock } from '../../src/core/clock.js';

describe('a clock that only goes onward', () => {
  it.each([
    ['goes with the machine', 0, 1_000, 1_000],
    ['goes on by itself while the clock is set back', -HOUR_MS, 1_000, 1_000],
    ['goes forward with a clock that is set forward, or after a sleep', HOUR_MS, 1_000, HOUR_MS + 1_000],
  ])('%s', (_what, set, passed, goes) => {
    const now = { wall: 1_700_000_000_000, steady: 500 };
    const clock = onwardClock(
      () => now.wall,
      () => now.steady,
    );
    const began = clock();
    expect(began).toBe(now.wall);
    now.wall += set + passed;
    now.steady += passed;
    expect(clock() - began).toBe(goes);
  });
});
