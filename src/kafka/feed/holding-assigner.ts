import { AssignerProtocol, type GroupMember, type PartitionAssigner, PartitionAssigners } from 'kafkajs';

const NOTHING = Buffer.alloc(0);

/**
 * Gives out partitions as kafkajs does by itself, but only to members that read these topics, and keeps the consumer from joining
 * anew while `mustWait` says so.
 *
 * With its request to join a member gives its partitions up, and kafkajs has no hook before it: a handler at work delays it,
 * but not work outside handlers, and not when another broker's fetch finds that a leader has moved. What it does ask, each
 * time, is what the assigner wants to say to the group. An error that reads as "the group is rebalancing" makes it try again
 * after its back-off, some ten seconds in all; by then `mustWait` must have come to an end.
 *
 * Another program may have joined the group by the same id. kafkajs would give it a share of topics that it never asked for, which
 * nobody would then read: `strangers` is called with its members, which get nothing.
 */
export function holdingAssigner(
  mustWait: () => boolean,
  strangers: (memberIds: readonly string[]) => void,
): PartitionAssigner {
  return (config) => {
    const assigner = PartitionAssigners.roundRobin(config);
    return {
      name: assigner.name,
      version: assigner.version,
      assign: async ({ members, topics }) => {
        const reading = members.filter((member) => reads(member, topics));
        const others = members.filter((member) => !reading.includes(member)).map(({ memberId }) => memberId);
        if (others.length > 0) strangers(others);
        return [
          ...(await assigner.assign({ members: reading, topics })),
          ...others.map((memberId) => ({ memberId, memberAssignment: nothing(assigner.version) })),
        ];
      },
      protocol: (subscription) => {
        if (mustWait()) throw new StillAtWork();
        return assigner.protocol(subscription);
      },
    };
  };
}

function reads({ memberMetadata }: GroupMember, topics: readonly string[]): boolean {
  const subscribed = new Set(AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics);
  return topics.every((topic) => subscribed.has(topic));
}

const nothing = (version: number) =>
  AssignerProtocol.MemberAssignment.encode({ version, assignment: {}, userData: NOTHING });

/** By its type kafkajs takes it for the broker's answer of that name. */
class StillAtWork extends Error {
  override readonly name = 'StillAtWork';
  readonly type = 'REBALANCE_IN_PROGRESS';
  readonly retriable = true;

  constructor() {
    super('Work that needs the partitions is still running.');
  }
}
