import { expect, it, vi } from 'vitest';
import { StartWaits } from '../../src/cli/start-waits.js';
import { PerennialError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/telemetry/log.js';

const waits = (stopping = new AbortController().signal) => new StartWaits(silentLogger(), stopping);

// Bug: what was asked of a broker that was away went on trying with pauses of its own, long after it was back.
it('nothing is asked of brokers before one answers, and why is said meanwhile', async () => {
  const brokers = { fault: (): string | undefined => undefined, answeringMs: 0 };
  const work = vi.fn(async () => 3);
  const starting = waits();
  const result = starting.until('the topic', work, brokers);
  await vi.waitFor(() => expect(starting.reason).toBe('Waiting for the topic: No broker has answered yet.'));
  brokers.fault = () => 'Kafka does not answer: refused';
  await vi.waitFor(() =>
    expect(starting.reason).toBe('Waiting for the topic: Kafka does not answer: refused'),
  );
  expect(work).not.toHaveBeenCalled();
  brokers.fault = () => undefined;
  brokers.answeringMs = 1;
  expect(await result).toBe(3);
  expect(starting.reason).toBeUndefined();
});

it('what waiting does not heal ends the start, and so does a request to stop', async () => {
  const refused = new PerennialError('permission_denied', 'No.');
  await expect(waits().until('the store', () => Promise.reject(refused))).rejects.toBe(refused);
  const stop = new AbortController();
  const away = new PerennialError('unavailable', 'Away.');
  const result = waits(stop.signal).until('the store', () => Promise.reject(away));
  stop.abort();
  await expect(result).rejects.toMatchObject({ code: 'cancelled' });
});
