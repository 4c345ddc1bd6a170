import { Fault } from './fault.js';
import { requiredId } from './fields.js';
import { decodeUtf8 } from './json-body.js';
import type { ParseContext, Parsed } from './parsed.js';
import type { Tombstone } from './subscription.js';

/**
 * Reads a message without a value on the topic of subscriptions. Its key names account and subscription as a JSON list,
 * `["acct-17","sub-4"]`, or the account alone, whose only subscription has its id. Never throws.
 */
export function parseTombstone(key: Uint8Array | null, context: ParseContext): Parsed {
  try {
    return { kind: 'tombstone', tombstone: { ...readKey(key), occurredAt: context.receivedAt } };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const { reason, detail, field } = thrown;
    return { kind: 'rejection', rejection: { reason, detail, field, id: '', raw: new Uint8Array() } };
  }
}

function readKey(key: Uint8Array | null): Pick<Tombstone, 'accountId' | 'subscriptionId'> {
  const text = key === null ? '' : decodeUtf8(key);
  if (!/^[[{]/.test(text)) {
    const accountId = requiredId(text, 'key');
    return { accountId, subscriptionId: accountId };
  }
  const parts = listOf(text);
  if (parts?.length !== 2) {
    throw new Fault(
      'bad_value',
      'key',
      'The key of a message without a value must be a JSON list of account and subscription, or the account.',
    );
  }
  const [account, subscription] = parts;
  return {
    accountId: requiredId(account, 'key'),
    subscriptionId: requiredId(subscription, 'key'),
  };
}

function listOf(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
