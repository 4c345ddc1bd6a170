import type { Consumer } from 'kafkajs';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { Membership } from '../../../src/kafka/feed/membership.js';

const REQUEST = 'request';
const HEARTBEAT = 'heartbeat';

describe('work that comes before the lease has begun', () => {
  let membership: Membership;
  let say: Record<string, (event: { payload: object }) => void>;
  beforeEach(() => {
    membership = new Membership({ clock: systemClock, sessionMs: 15_000, rebalanceMs: 60_000 });
    say = {};
    membership.listen({
      events: { REQUEST, HEARTBEAT, REBALANCING: 'rebalancing' },
      on: (name: string, listener: (event: { payload: object }) => void) => {
        say[name] = listener;
      },
    } as unknown as Consumer);
    membership.joined();
  });
  const heartbeat = () => {
    say[REQUEST]!({ payload: { apiName: 'Heartbeat', sentAt: systemClock() } });
    say[HEARTBEAT]!({ payload: { groupGenerationId: 7 } });
  };
  const begin = () => {
    const work = { generation: undefined as number | undefined, fault: undefined as unknown };
    const done = membership
      .underLease(async ({ generation }) => {
        work.generation = generation;
      })
      .catch((error: unknown) => {
        work.fault = error;
      });
    return { work, done };
  };
  const cancelled = expect.objectContaining({ code: 'cancelled' });

  it('begins with it', async () => {
    const { work, done } = begin();
    await Promise.resolve();
    expect(work.generation).toBeUndefined();
    heartbeat();
    await done;
    expect(work).toEqual({ generation: 7, fault: undefined });
  });

  // The group waits for the handlers, and those for the work: it would wait for as long as it does at the most.
  it('does not keep the group waiting that is being given out anew', async () => {
    const { work, done } = begin();
    const recalled = Object.assign(new Error('rebalancing'), { type: 'REBALANCE_IN_PROGRESS' });
    await expect(membership.beat(() => Promise.reject(recalled))).rejects.toBe(recalled);
    await done;
    expect(work).toEqual({ generation: undefined, fault: cancelled });
  });

  it('does not keep the consumer from being stopped', async () => {
    const { work, done } = begin();
    membership.silent();
    await done;
    expect(work).toEqual({ generation: undefined, fault: cancelled });
    expect((await begin()).work.generation).toBeUndefined();
  });
});
