import { describe, expect, it } from 'vitest';
import { Lease } from '../../../src/kafka/feed/lease.js';

/** A lease over a session of 15 s in a group that waits 60 s, on clocks that the test moves. */
function leaseAt(start: { wall: number }) {
  const clock = { wall: start.wall, steady: 1_000 };
  const lease = new Lease(
    { sessionMs: 15_000, rebalanceMs: 60_000 },
    { wall: () => clock.wall, steady: () => clock.steady },
  );
  const pass = (ms: number) => {
    clock.wall += ms;
    clock.steady += ms;
  };
  /** A heartbeat that is answered after so many milliseconds. */
  const heartbeat = (generation = 7, answeredAfter = 1) => {
    const sentAt = clock.wall;
    pass(answeredAfter);
    lease.answered(sentAt);
    lease.taken(generation);
  };
  const recall = () => {
    lease.answered(clock.wall);
    lease.recalled();
  };
  return { lease, clock, pass, heartbeat, recall };
}

describe('a lease', () => {
  it('begins with the first heartbeat that the group takes after joining, and names its generation', () => {
    const { lease, heartbeat } = leaseAt({ wall: 0 });
    expect(lease.doubt()).toContain('gives out its partitions');
    lease.joined();
    expect(lease.doubt()).toContain('gives out its partitions');
    heartbeat(7);
    expect(lease.doubt()).toBeUndefined();
    expect(lease.generation).toBe(7);
  });

  it('is in doubt after two thirds of the session without a heartbeat, and sure again with the next', () => {
    const { lease, pass, heartbeat } = leaseAt({ wall: 0 });
    lease.joined();
    heartbeat();
    pass(9_900);
    expect(lease.doubt()).toBeUndefined();
    pass(200);
    expect(lease.doubt()).toContain('last took a heartbeat 10.1 s ago');
    heartbeat();
    expect(lease.doubt()).toBeUndefined();
  });

  // A process that was stopped reads, when it goes on, the answer to a heartbeat of before.
  it('counts from when a heartbeat was sent, not from when its answer was read', () => {
    const { lease, heartbeat } = leaseAt({ wall: 0 });
    lease.joined();
    heartbeat();
    heartbeat(7, 20_000);
    expect(lease.doubt()).toContain('20 s ago');
  });

  it('does not take the answer to a heartbeat of before the latest join for one of after it', () => {
    const { lease, clock, pass, heartbeat } = leaseAt({ wall: 0 });
    const sentAt = clock.wall;
    pass(50);
    lease.joined();
    lease.answered(sentAt);
    lease.taken(6);
    expect(lease.doubt()).toBeDefined();
    heartbeat(7);
    expect(lease.generation).toBe(7);
    expect(lease.doubt()).toBeUndefined();
  });

  it('holds while the group waits for its members, but not longer than two thirds of what it waits', () => {
    const { lease, pass, heartbeat, recall } = leaseAt({ wall: 0 });
    lease.joined();
    heartbeat();
    for (let second = 0; second < 39; second++) {
      pass(1_000);
      recall();
      expect(lease.doubt()).toBeUndefined();
    }
    pass(1_100);
    recall();
    expect(lease.doubt()).toContain('has waited 40 s for this member');
  });

  it.each([
    ['set back by an hour', -3_600_000],
    ['set forward by an hour', 3_600_000],
  ])('is never made longer by a clock that is %s', (_how, jump) => {
    const { lease, clock, pass, heartbeat } = leaseAt({ wall: 10_000_000 });
    lease.joined();
    heartbeat();
    clock.wall += jump;
    pass(10_100);
    expect(lease.doubt()).toBeDefined();
    heartbeat();
    expect(lease.doubt()).toBeUndefined();
  });

  it('ends when the consumer joins anew or is thrown out', () => {
    const { lease, heartbeat } = leaseAt({ wall: 0 });
    lease.joined();
    heartbeat();
    lease.end();
    expect(lease.doubt()).toBeDefined();
    expect(lease.generation).toBeUndefined();
  });
});
