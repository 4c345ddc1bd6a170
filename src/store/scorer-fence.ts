import { PerennialError } from '../core/errors.js';
import type { Store } from './store.js';

/*
 * A scorer that was frozen may write what it had in hand long after its accounts have another owner: no question that it asked
 * before can keep it from that. So the store has a fence: an epoch that each scorer raises to its own before it reads the past of the
 * accounts it was given. Rows come with the epoch of their writer, and the store drops those of a lower one (migration 0077).
 *
 * The epoch goes up with the generation of the consumer group, which all scorers of one generation share. Where the group was
 * made anew, its generations begin at 1 again, and the epoch goes on from where it was.
 */
interface Fence {
  readonly epoch: number;
  readonly generation: number;
}

/**
 * The epoch of a generation; raises the fence to it. To be called by its owner before it reads what it is to write.
 * `assertStillOwner` throws once it is none any more.
 */
export async function claimFence(
  store: Store,
  generation: number,
  assertStillOwner: () => void = () => {},
): Promise<number> {
  for (;;) {
    const before = await readFence(store);
    if (before?.generation === generation) return before.epoch;
    assertStillOwner();
    const epoch = epochAfter(before, generation);
    await store.command(
      'INSERT INTO scorer_fence (epoch, generation) SELECT {epoch:UInt64}, {generation:UInt64}',
      { epoch, generation },
    );
    // Another may have raised it at the same moment.
    const now = await readFence(store);
    if (now?.generation === generation) return now.epoch;
  }
}

function epochAfter(before: Fence | undefined, generation: number): number {
  if (before === undefined) return generation;
  return before.epoch + Math.max(1, generation - before.generation);
}

/** Throws `cancelled` when what was written under this epoch may have been dropped: the writer has been replaced. */
export async function assertFence(store: Store, epoch: number): Promise<void> {
  const fence = await readFence(store);
  if (fence === undefined || fence.epoch <= epoch) return;
  throw new PerennialError(
    'cancelled',
    'The work was given up: another scorer has taken over since, and the store drops what this one writes.',
  );
}

async function readFence(store: Store): Promise<Fence | undefined> {
  const [fence] = await store.rows<Fence>(
    'SELECT epoch, generation FROM scorer_fence ORDER BY epoch DESC, generation DESC LIMIT 1',
    {},
    { lane: 'batch' },
  );
  return fence;
}
