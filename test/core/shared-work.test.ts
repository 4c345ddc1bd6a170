import { expect, it } from 'vitest';
import { SharedWork } from '../../src/core/shared-work.js';

function begun() {
  let resolve = (_: string) => {};
  let reject = (_: Error) => {};
  const promise = new Promise<string>((...given) => {
    [resolve, reject] = given;
  });
  let signal: AbortSignal | undefined;
  const shared = new SharedWork((given) => {
    signal = given;
    return promise;
  });
  return { shared, resolve, reject, signal: signal! };
}

// Bug: two tries of one request shared the signal of the first, and the second was cancelled when the first caller left.
it('goes on for those who stay, and whoever leaves hears so at once', async () => {
  const { shared, resolve, signal } = begun();
  const [leaves, stays] = [new AbortController(), new AbortController()];
  const [first, second] = [shared.wait(leaves.signal), shared.wait(stays.signal)];
  leaves.abort(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  expect([signal.aborted, shared.cancelled]).toEqual([false, false]);
  resolve('done');
  expect(await second).toBe('done');
});

it('is cancelled when the last one leaves', async () => {
  const { shared, signal } = begun();
  const callers = [new AbortController(), new AbortController()];
  const waits = callers.map((caller) => shared.wait(caller.signal));
  for (const caller of callers) caller.abort(new Error('gone'));
  await Promise.allSettled(waits);
  expect([signal.aborted, shared.cancelled]).toEqual([true, true]);
});

it('fails for all who wait, and for one who comes late', async () => {
  const { shared, reject } = begun();
  const { signal } = new AbortController();
  const waits = [shared.wait(signal), shared.wait(signal)];
  reject(new Error('broken'));
  for (const wait of waits) await expect(wait).rejects.toThrow('broken');
  await expect(shared.wait(signal)).rejects.toThrow('broken');
});
