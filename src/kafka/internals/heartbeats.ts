import { createRequire } from 'node:module';
import { systemClock } from '../../core/clock.js';

/** The part of kafkajs's member of a group that is changed here. */
interface ConsumerGroup {
  lastRequest: number;
  readonly generationId: number | null;
  heartbeat(terms: { readonly interval: number }): Promise<void>;
}

let mended = false;

/**
 * Has kafkajs send heartbeats when the machine's clock was set back, and at once when it has joined. By itself it waits until it is
 * again as late as it was at the last one, be it an hour, and the group gives its partitions away meanwhile; after joining it waits
 * for its interval, and nothing that needs a lease can begin before. Calling it again does no harm.
 */
export function mendHeartbeats(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup') as {
    prototype: ConsumerGroup;
  };
  const { heartbeat } = prototype;
  if (typeof heartbeat !== 'function') throw new TypeError('This release of kafkajs is built otherwise.');
  const beatenIn = new WeakMap<ConsumerGroup, number | null>();
  prototype.heartbeat = function beat(this: ConsumerGroup, terms): Promise<void> {
    const { generationId } = this;
    if (this.lastRequest > systemClock() || beatenIn.get(this) !== generationId) this.lastRequest = 0;
    beatenIn.set(this, generationId);
    return heartbeat.call(this, terms);
  };
}
