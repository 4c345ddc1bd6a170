import type { IncomingMessage } from '../../kafka/feed/incoming-message.js';
import type { TopicNames } from '../../kafka/topics.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { parseMessage } from '../../signals/parse.js';
import type { Parsed } from '../../signals/parsed.js';
import { SignalScanner } from '../../signals/scan/signal-scanner.js';
import { parseTombstone } from '../../signals/tombstone.js';

/** Reads what comes from the input topics. The topic says what a message is meant to be. */
export function recordReader(
  names: TopicNames,
  catalogue: SignalCatalogue,
): (message: IncomingMessage) => Parsed {
  const scanner = new SignalScanner(catalogue);
  return (incoming) => {
    const { topic, receivedAt } = incoming;
    const expected =
      topic === names.subscriptions ? 'subscription' : topic === names.outcomes ? 'outcome' : 'signal';
    const signal = expected === 'signal' ? scanner.read(incoming) : undefined;
    if (signal !== undefined) return { kind: 'signal', signal };
    const { key, body, hasValue, headers } = incoming;
    const context = { receivedAt, catalogue };
    if (expected === 'subscription' && !hasValue) return parseTombstone(key, context);
    return parseMessage({ body, headers }, expected, context);
  };
}
