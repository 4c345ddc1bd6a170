import { type PartitionAssigner, PartitionAssigners } from 'kafkajs';

/**
 * Gives out partitions as kafkajs does by itself, and keeps the consumer from joining anew while `mustWait` says so.
 *
 * With its request to join a member gives its partitions up, and kafkajs has no hook before it: a handler at work delays it,
 * but not work outside handlers, and not when another broker's fetch finds that a leader has moved. What it does ask, each
 * time, is what the assigner wants to say to the group. An error that reads as "the group is rebalancing" makes it try again
 * after its back-off, some ten seconds in all; by then `mustWait` must have come to an end.
 */
export function holdingAssigner(mustWait: () => boolean): PartitionAssigner {
  return (config) => {
    const assigner = PartitionAssigners.roundRobin(config);
    return {
      name: assigner.name,
      version: assigner.version,
      assign: (group) => assigner.assign(group),
      protocol: (subscription) => {
        if (mustWait()) throw new StillAtWork();
        return assigner.protocol(subscription);
      },
    };
  };
}

/** By its type kafkajs takes it for the broker's answer of that name. */
class StillAtWork extends Error {
  override readonly name = 'StillAtWork';
  readonly type = 'REBALANCE_IN_PROGRESS';
  readonly retriable = true;

  constructor() {
    super('Work that needs the partitions is still running.');
  }
}
