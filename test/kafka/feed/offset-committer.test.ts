import { describe, expect, it, vi } from 'vitest';
import { OffsetCommitter } from '../../../src/kafka/feed/offset-committer.js';
import { PartitionState } from '../../../src/kafka/feed/partition-state.js';
import { PoisonGuard } from '../../../src/kafka/feed/poison-guard.js';

const STUCK_MS = 60_000;

/** A committer of one partition of which everything up to 7 is durable, with a client and a clock that the test turns. */
function setUp() {
  const state = new PartitionState('signals', 0, 1, new PoisonGuard({ ratio: 0.5, window: 10, run: 10 }), 0);
  state.startAt(0);
  state.durable = 7;
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const commitOffsets = vi.fn(
    () => new Promise<void>((resolve, reject) => answers.push({ resolve, reject })),
  );
  const time = { now: 0 };
  const committer = new OffsetCommitter(
    { commitOffsets },
    () => [state],
    () => 1,
    () => undefined,
    () => time.now,
  );
  return { state, answers, commitOffsets, time, committer };
}

// Bug: three brokers were killed and frozen in turn; two consumers stored what they read and committed none of it for minutes, in silence.
describe('a commit that is never answered', () => {
  it('is told once it has hung for long, and holds up those after it', () => {
    const { commitOffsets, time, committer } = setUp();
    void committer.commit();
    time.now = STUCK_MS;
    void committer.commit();
    expect(commitOffsets).toHaveBeenCalledTimes(1);
    expect(committer.fault(STUCK_MS)).toBeUndefined();
    time.now = STUCK_MS + 1_000;
    expect(committer.fault(STUCK_MS)).toBe('A commit has had no answer for 61 s.');
  });

  it('is none when it is answered, nor when it fails, nor when there is nothing to commit', async () => {
    const { state, answers, time, committer } = setUp();
    const failed = committer.commit();
    answers[0]!.reject(new Error('not the coordinator'));
    await failed;
    time.now = 10 * STUCK_MS;
    expect(committer.fault(STUCK_MS)).toBeUndefined();
    const done = committer.commit();
    answers[1]!.resolve();
    await done;
    expect(state.committed).toBe(7);
    await committer.commit();
    time.now = 20 * STUCK_MS;
    expect(committer.fault(STUCK_MS)).toBeUndefined();
  });
});
