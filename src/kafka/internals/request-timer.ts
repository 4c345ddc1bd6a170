import { createRequire } from 'node:module';
import { systemClock } from '../../core/clock.js';

/** The part of kafkajs's queue of requests that is changed here. */
interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const PENDING_MS = 10;

/**
 * Has kafkajs set no timers in the past. By itself it asks for one of minus the time since 1970 with each request that is not
 * throttled, and Node 21 and later say so on standard error, in the middle of a log of JSON.
 */
export function mendRequestTimer(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  if (typeof prototype.scheduleCheckPendingRequests !== 'function')
    throw new TypeError('This release of kafkajs is built otherwise.');
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null && this.throttleCheckTimeoutId !== undefined) return;
    const left = this.throttledUntil - systemClock();
    const soon = this.pending.length > 0 ? PENDING_MS : 0;
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      left > 0 ? left : soon,
    );
  };
}
