/*
 * A writer of which there is to be one has an epoch: the store, or who reads it, drops what comes with a lower one. It goes up with the
 * generation of a consumer group, which all members of one generation share. Where the group was made anew, its generations begin at 1
 * again, and the epoch goes on from where it was.
 */
export interface WriterEpoch {
  readonly epoch: number;
  readonly generation: number;
}

/** Where epochs are kept. */
export interface EpochLog {
  /** The highest; undefined: nobody has claimed one. */
  read(): Promise<WriterEpoch | undefined>;
  write(claimed: WriterEpoch): Promise<void>;
}

/**
 * The epoch of a generation, raised to it. To be called by its owner before it reads what it is to write. `assertStillOwner`
 * throws once it is none any more.
 */
export async function claimEpoch(
  log: EpochLog,
  generation: number,
  assertStillOwner: () => void = () => {},
): Promise<number> {
  for (;;) {
    const before = await log.read();
    if (before?.generation === generation) return before.epoch;
    assertStillOwner();
    await log.write({ epoch: epochAfter(before, generation), generation });
    // Another may have raised it at the same moment.
    const now = await log.read();
    if (now?.generation === generation) return now.epoch;
  }
}

function epochAfter(before: WriterEpoch | undefined, generation: number): number {
  if (before === undefined) return generation;
  return before.epoch + Math.max(1, generation - before.generation);
}
