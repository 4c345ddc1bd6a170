import { Fault } from './fault.js';
import { requiredId } from './fields.js';
import { decodeUtf8 } from './json-body.js';
import type { ParseContext, Parsed } from './parsed.js';
import type { Tombstone } from './subscription.js';

/**
 * Reads a message without a value on the topic of subscriptions. Its key names account and subscription as a JSON list,
 * `["acct-17","sub-4"]`, or the account alone, whose only subscription has its id. Never throws.
 *
 * A key in another form is refused, since it would end a subscription that nobody has, and leave the one that is meant: `acct/sub`
 * is no account, nor is `"acct"`, as serialisers of JSON write texts. An account whose own id looks like that is named by a list.
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
  if (!text.startsWith('[')) {
    const accountId = requiredId(text, 'key');
    if (text === 'null' || !ALONE.test(text)) throw undocumented();
    return { accountId, subscriptionId: accountId };
  }
  const parts = listOf(text);
  if (parts?.length !== 2) throw undocumented();
  const [account, subscription] = parts;
  return {
    accountId: requiredId(account, 'key'),
    subscriptionId: requiredId(subscription, 'key'),
  };
}

/** The id of an account in which there is nothing that joins two ids. */
const ALONE = /^[\p{L}\p{M}\p{N}._@+-]+$/u;

function undocumented(): Fault {
  return new Fault(
    'bad_value',
    'key',
    'The key of a message without a value must be a JSON list of account and subscription, such as ["acct-17","sub-4"], or an account of letters, digits and ._@+- alone.',
  );
}

function listOf(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
