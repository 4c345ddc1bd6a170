import { logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import { kafkaLogCreator } from '../../src/kafka/log-creator.js';
import { createLogger } from '../../src/telemetry/log.js';

function logged(level: logLevel, namespace: string, message: string) {
  const lines: string[] = [];
  const log = kafkaLogCreator(createLogger('debug', { write: (line) => lines.push(line) }))(logLevel.DEBUG);
  log({ namespace, level, label: '', log: { timestamp: '', logger: 'kafkajs', message, broker: 'b:9092' } });
  return JSON.parse(lines[0]!) as { level: string; msg: string; component: string; broker: string };
}

it('what kafkajs retries by itself stays at debug, though it calls it an error', () => {
  expect(logged(logLevel.ERROR, 'Connection', 'Connection error: connect ECONNREFUSED')).toMatchObject({
    level: 'debug',
    component: 'kafkajs Connection',
    broker: 'b:9092',
  });
  expect(logged(logLevel.WARN, 'Runner', 'The group is rebalancing, re-joining').level).toBe('debug');
});

it('what no retry heals stays an error', () => {
  const message = 'Broker does not accept this certificate';
  expect(logged(logLevel.ERROR, 'Connection', message)).toMatchObject({ level: 'error', msg: message });
});

// Bug: three lines of JSON came before the sentence that says what to check.
it('a user who is refused is reported by us alone', () => {
  const message = 'SASL PLAIN authentication failed: Authentication failed: Invalid username or password';
  for (const namespace of ['Connection', 'SaslAuthenticator-PLAIN', 'BrokerPool'])
    expect(logged(logLevel.ERROR, namespace, message).level).toBe('debug');
});
