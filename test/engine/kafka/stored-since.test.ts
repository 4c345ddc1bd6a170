import { beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../src/core/clock.js';
import { StoredSince } from '../../../src/engine/kafka/stored-since.js';

describe('reading what was stored since the time before', () => {
  const began = 1_700_000_000_000;
  let steady = 0;
  let place: StoredSince;
  beforeEach(() => {
    steady = 0;
    place = new StoredSince(began, () => steady);
  });

  it('begins with the latest that was seen', () => {
    steady += 60_000;
    expect(place.next(began + 60_000)).toBe(began);
    place.saw(began + 59_000);
    steady += 5_000;
    expect(place.next(began + 65_000)).toBe(began + 59_000);
  });

  // Bug: the keeper of shared limits saw nothing for an hour of what was decided, gave back what it had granted, and granted it again.
  it('begins earlier where the clock was set back meanwhile, and until it is as late again', () => {
    place.saw(began + 1_000);
    steady += 60_000;
    const after = began - HOUR_MS;
    // Set back 20 s ago; what was stored then has a time from then on.
    expect(place.next(after + 20_000)).toBeLessThanOrEqual(after);
    place.saw(after + 19_000);
    steady += 30_000;
    expect(place.next(after + 50_000)).toBe(after + 20_000);
    steady += HOUR_MS;
    expect(place.next(after + 50_000 + HOUR_MS)).toBe(after + 50_000);
  });
});
