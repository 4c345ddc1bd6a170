import { systemClock } from '../../core/clock.js';
import { replaceMethod } from './replace-method.js';

/** The part of kafkajs's member of a group that is changed here. */
interface ConsumerGroup {
  lastRequest: number;
  readonly generationId: number | null;
  heartbeat(terms: { readonly interval: number }): Promise<void>;
}

const beatenIn = new WeakMap<ConsumerGroup, number | null>();

/**
 * Has kafkajs send heartbeats when the machine's clock was set back, and at once when it has joined. By itself it waits until it is
 * again as late as it was at the last one, be it an hour, and the group gives its partitions away meanwhile; after joining it waits
 * for its interval, and nothing that needs a lease can begin before. Calling it again does no harm.
 */
export function mendHeartbeats(): void {
  replaceMethod<ConsumerGroup, 'heartbeat'>(
    'consumer/consumerGroup',
    'heartbeat',
    (heartbeat) =>
      function beat(this: ConsumerGroup, terms): Promise<void> {
        const { generationId } = this;
        if (this.lastRequest > systemClock() || beatenIn.get(this) !== generationId) this.lastRequest = 0;
        beatenIn.set(this, generationId);
        return heartbeat.call(this, terms);
      },
  );
}
