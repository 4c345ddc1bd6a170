import { createRequire } from 'node:module';
import { systemClock } from '../../core/clock.js';

/** The part of kafkajs's member of a group that is changed here. */
interface ConsumerGroup {
  lastRequest: number;
  heartbeat(terms: { readonly interval: number }): Promise<void>;
}

let mended = false;

/**
 * Has kafkajs send heartbeats when the machine's clock was set back. By itself it waits until it is again as late as it was at the
 * last one, be it an hour; the group gives its partitions away meanwhile. Calling it again does no harm.
 */
export function mendHeartbeats(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup') as {
    prototype: ConsumerGroup;
  };
  const { heartbeat } = prototype;
  if (typeof heartbeat !== 'function') throw new TypeError('This release of kafkajs is built otherwise.');
  prototype.heartbeat = function beat(this: ConsumerGroup, terms): Promise<void> {
    if (this.lastRequest > systemClock()) this.lastRequest = 0;
    return heartbeat.call(this, terms);
  };
}
