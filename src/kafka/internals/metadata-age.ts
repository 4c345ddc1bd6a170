import { systemClock } from '../../core/clock.js';
import { replaceMethod } from './replace-method.js';

/** The part of kafkajs's pool of brokers that is changed here. */
interface BrokerPool {
  metadataExpireAt: number | null;
  readonly metadataMaxAge: number;
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<unknown>;
}

/**
 * Has kafkajs ask again what brokers and partitions there are when the machine's clock was set back. By itself it waits until it is
 * as late as it was, be it two days, and sees no partition that was added meanwhile. Calling it again does no harm.
 */
export function mendMetadataAge(): void {
  replaceMethod<BrokerPool, 'refreshMetadataIfNecessary'>(
    'cluster/brokerPool',
    'refreshMetadataIfNecessary',
    (original) =>
      function refresh(this: BrokerPool, topics): Promise<unknown> {
        if ((this.metadataExpireAt ?? 0) > systemClock() + this.metadataMaxAge) this.metadataExpireAt = null;
        return original.call(this, topics);
      },
  );
}
