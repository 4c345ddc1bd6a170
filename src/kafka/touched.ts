import type { Millis } from '../core/clock.js';
import type { ConfirmedProducer } from './confirmed-producer.js';

/** An account whose risk may have changed, and since when. */
export interface Touched {
  readonly accountId: string;
  /** Arrival of the first signal that touched it: where freshness is counted from. */
  readonly since: Millis;
}

/**
 * Tells scorers which accounts changed. The key is the account: Kafka's murmur2 puts all of one account into one partition,
 * and so under one scorer.
 */
export async function publishTouched(
  producer: Pick<ConfirmedProducer, 'send'>,
  topic: string,
  accounts: Iterable<Touched>,
): Promise<void> {
  await producer.send(
    topic,
    [...accounts].map(({ accountId, since }) => ({ key: accountId, value: JSON.stringify({ since }) })),
  );
}

/** Reads such a message. The key alone is enough, so that anybody can have an account rescored. */
export function readTouched(key: Buffer | null, body: Uint8Array, receivedAt: Millis): Touched | undefined {
  if (key === null || key.length === 0) return undefined;
  return { accountId: key.toString('utf8'), since: sinceOf(body) ?? receivedAt };
}

function sinceOf(body: Uint8Array): Millis | undefined {
  try {
    const { since } = JSON.parse(Buffer.from(body).toString('utf8')) as { since?: unknown };
    return typeof since === 'number' && Number.isFinite(since) ? since : undefined;
  } catch {
    return undefined;
  }
}
