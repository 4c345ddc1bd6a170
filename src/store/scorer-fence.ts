import { PerennialError } from '../core/errors.js';
import type { Store } from './store.js';
import { claimEpoch, type WriterEpoch } from './writer-epoch.js';

/*
 * A scorer that was frozen may write what it had in hand long after its accounts have another owner: no question that it asked
 * before can keep it from that. So the store has a fence: an epoch that each scorer raises to its own before it reads the past of the
 * accounts it was given. Rows come with the epoch of their writer, and the store drops those of a lower one (migration 0077).
 */

/** The epoch of a generation of the group of scorers; raises the fence to it. */
export function claimFence(store: Store, generation: number, assertStillOwner?: () => void): Promise<number> {
  const log = {
    read: () => readFence(store),
    write: ({ epoch, generation: of }: WriterEpoch) =>
      store.command(
        'INSERT INTO scorer_fence (epoch, generation) SELECT {epoch:UInt64}, {generation:UInt64}',
        {
          epoch,
          generation: of,
        },
      ),
  };
  return claimEpoch(log, generation, assertStillOwner);
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

/** Whether scorers have the store: then they alone write risks and decisions. */
export async function isFenced(store: Store): Promise<boolean> {
  return (await readFence(store)) !== undefined;
}

/**
 * Throws `failed_precondition` where scorers have the store: of a writer without an epoch it would drop the risks and keep the decisions,
 * and its shared limits would be others than theirs.
 */
export async function assertNoFence(store: Store): Promise<void> {
  if (await isFenced(store)) throw scoredByScorers();
}

/** Why this process must not write to a store that scorers have. */
export function scoredByScorers(
  hint = 'They score everyone when they start and from time to time (SCORE_RESCORE_MINUTES), and accounts as soon as their records change. A what-if (--as-of) changes nothing, and runs beside them.',
): PerennialError {
  return new PerennialError(
    'failed_precondition',
    'This store is scored by scorers, and they alone write to it.',
    { hint },
  );
}

async function readFence(store: Store): Promise<WriterEpoch | undefined> {
  const [fence] = await store.rows<WriterEpoch>(
    'SELECT epoch, generation FROM scorer_fence ORDER BY epoch DESC, generation DESC LIMIT 1',
    {},
    { lane: 'batch' },
  );
  return fence;
}
