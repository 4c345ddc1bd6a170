import { topicNames } from '../../src/kafka/topics.js';
import { EMPTY_CATALOGUE, type SignalCatalogue } from '../../src/signals/catalogue.js';
import { parseMessage } from '../../src/signals/parse.js';
import type { Parsed } from '../../src/signals/parsed.js';
import { plainOutcome, plainSubscription } from '../../src/signals/serialise.js';
import type { SimulatedRecord } from '../../src/simulate/outbox.js';
import { simulate } from '../../src/simulate/simulate.js';
import { signalMessage } from '../../src/simulate/wire.js';

/** A message on its way to Kafka. */
export interface ChaosMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
}

export interface DatasetOptions {
  readonly seed: number;
  readonly accounts: number;
  readonly days: number;
  /** One message in so many is followed by one that nobody can read. */
  readonly poisonEvery: number;
}

/** The simulation's end: the fixed time at which runs are compared. */
export const AS_OF = Date.UTC(2026, 0, 1);

/**
 * A known set of messages: a simulated business, in which a share arrives late and a share twice, with poison between. The
 * same options give the same messages, poison included, every one of which is unlike all others.
 */
export function* dataset({ seed, accounts, days, poisonEvery }: DatasetOptions): Generator<ChaosMessage> {
  const names = topicNames('perennial.');
  let count = 0;
  for (const { record } of simulate({ seed, accounts, days, end: AS_OF }).records()) {
    const message = messageOf(record, names);
    yield message;
    if (++count % poisonEvery === 0) yield { ...message, value: poison(count) };
  }
}

function messageOf(record: SimulatedRecord['record'], names: ReturnType<typeof topicNames>): ChaosMessage {
  switch (record.kind) {
    case 'signal': {
      const { signal } = record;
      const topic = names.signals.find((name) => name.endsWith(signal.category))!;
      return { topic, key: signal.accountId, value: JSON.stringify(signalMessage(signal)) };
    }
    case 'subscription': {
      const { subscription } = record;
      const value = JSON.stringify(plainSubscription(subscription));
      return { topic: names.subscriptions, key: subscription.accountId, value };
    }
    case 'outcome': {
      const { outcome } = record;
      return { topic: names.outcomes, key: outcome.accountId, value: JSON.stringify(plainOutcome(outcome)) };
    }
  }
}

function poison(number: number): string {
  const kinds = [
    `{"broken": ${number}`,
    `"only text ${number}"`,
    JSON.stringify({ id: `poison-${number}`, source: 'poison', type: 'feature_used', time: 'yesterday' }),
    JSON.stringify({ id: `poison-${number}`, __proto__: null, constructor: { prototype: { value: 1 } } }),
  ];
  return kinds[number % kinds.length]!;
}

/** What the message is, read as ingestion reads it. */
export function parsed(message: ChaosMessage, catalogue: SignalCatalogue = EMPTY_CATALOGUE): Parsed {
  const names = topicNames('perennial.');
  const expected =
    message.topic === names.subscriptions
      ? 'subscription'
      : message.topic === names.outcomes
        ? 'outcome'
        : 'signal';
  return parseMessage({ body: Buffer.from(message.value) }, expected, { receivedAt: AS_OF, catalogue });
}
