import { createRequire } from 'node:module';
import type { Admin } from 'kafkajs';
import { expect, it } from 'vitest';
import { kafkaError } from '../../src/kafka/kafka-error.js';

// Only kafkajs's own code fails as it does: its admin client over a cluster of which no broker answers.
const createAdmin = createRequire(import.meta.url)('kafkajs/src/admin') as (parts: object) => Admin;
const logger = { namespace: () => ({}) };
const admin = createAdmin({ logger, cluster: { metadata: async () => null } });

// Bug: brokers that hung while they were asked about topics were logged as a defect of Perennial.
it.each([
  ['topics', () => admin.listTopics()],
  ['partitions', () => admin.fetchTopicMetadata({ topics: ['t'] })],
  ['the cluster', () => admin.describeCluster()],
])('brokers that fail while they are asked about %s are away, and no defect', async (_what, ask) => {
  const thrown: unknown = await ask().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(TypeError);
  expect(kafkaError(thrown)).toMatchObject({ code: 'unavailable', message: 'No Kafka broker answers.' });
});

// Bug: "Kafka does not answer: Request is not valid given the current SASL state".
it('a listener that knows no SASL is called so, with the setting', () => {
  const error = Object.assign(new Error('Request is not valid given the current SASL state'), {
    type: 'ILLEGAL_SASL_STATE',
  });
  expect(kafkaError(error)).toMatchObject({
    code: 'failed_precondition',
    message: 'The Kafka listener knows no SASL.',
    hint: expect.stringContaining('KAFKA_SASL=none'),
  });
});

it('any other mistake of a program is a defect', () => {
  const { code } = kafkaError(new TypeError("Cannot read properties of null (reading 'offset')"));
  expect(code).toBe('internal');
});
