import { context, propagation } from '@opentelemetry/api';
import type { Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { ConfirmedProducer } from './confirmed-producer.js';

/** Ours have some thirty bytes. What is larger came from elsewhere, and only its key counts. */
const BODY_BYTES = 1_024;

/** An account whose risk may have changed, and since when. */
export interface Touched {
  readonly accountId: string;
  /** Arrival of the first signal that touched it: where freshness is counted from. */
  readonly since: Millis;
  /** A caller waits until it is decided. @default false */
  readonly asked?: boolean;
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
  const headers: Record<string, string> = {};
  // The trace that the account is touched in goes on at the scorer. Without a tracer there is none.
  propagation.inject(context.active(), headers);
  const refused = await producer.send(
    topic,
    [...accounts].map(({ accountId, since, asked }) => ({
      key: accountId,
      value: JSON.stringify({ since, ...(asked === true ? { asked } : {}) }),
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
    })),
  );
  // They have some hundred bytes each. What could not be sent must not count as sent.
  if (refused.length > 0) throw refused[0]!.error;
}

/** Reads such a message. The key alone is enough, so that anybody can have an account rescored. */
export function readTouched(
  key: Uint8Array | null,
  body: Uint8Array,
  receivedAt: Millis,
): Touched | undefined {
  if (key === null || key.length === 0 || key.length > LIMITS.idBytes) return undefined;
  const { since, asked } = bodyOf(body);
  return {
    accountId: Buffer.from(key).toString('utf8'),
    since: typeof since === 'number' && Number.isFinite(since) ? Math.min(since, receivedAt) : receivedAt,
    ...(asked === true ? { asked } : {}),
  };
}

function bodyOf(body: Uint8Array): { readonly since?: unknown; readonly asked?: unknown } {
  if (body.length > BODY_BYTES) return {};
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
