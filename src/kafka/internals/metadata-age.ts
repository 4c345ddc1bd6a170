import { createRequire } from 'node:module';
import { systemClock } from '../../core/clock.js';

/** The part of kafkajs's pool of brokers that is changed here. */
interface BrokerPool {
  metadataExpireAt: number | null;
  readonly metadataMaxAge: number;
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<unknown>;
}

let mended = false;

/**
 * Has kafkajs ask again what brokers and partitions there are when the machine's clock was set back. By itself it waits until it is
 * as late as it was, be it two days, and sees no partition that was added meanwhile. Calling it again does no harm.
 */
export function mendMetadataAge(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/cluster/brokerPool') as {
    prototype: BrokerPool;
  };
  const { refreshMetadataIfNecessary } = prototype;
  if (typeof refreshMetadataIfNecessary !== 'function')
    throw new TypeError('This release of kafkajs is built otherwise.');
  prototype.refreshMetadataIfNecessary = function refresh(this: BrokerPool, topics): Promise<unknown> {
    if ((this.metadataExpireAt ?? 0) > systemClock() + this.metadataMaxAge) this.metadataExpireAt = null;
    return refreshMetadataIfNecessary.call(this, topics);
  };
}
