/** Milliseconds since 1970-01-01T00:00:00Z. Every time in the program is one of these; only edges know other forms. */
export type Millis = number;

/** Where "now" comes from. Only `cli/` makes a real one; everything else is given one, so that tests can stop time. */
export type Clock = () => Millis;

export const systemClock: Clock = () => Date.now();

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Milliseconds that only go forward, whatever is done to the machine's clock: to measure how long something took. */
export const steadyClock: Clock = () => performance.now();

/**
 * A clock for what ends after a time, such as a token: it goes forward with the machine's, also while that sleeps or is set forward, and on
 * by itself while it is set back.
 */
export function onwardClock(wall: Clock = systemClock, steady: Clock = steadyClock): Clock {
  let between = Number.NEGATIVE_INFINITY;
  return () => {
    const now = steady();
    between = Math.max(between, wall() - now);
    return now + between;
  };
}
