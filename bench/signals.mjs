// How fast messages become records, against what no reader can do without: decoding the bytes and JSON.parse.
// Run with `node bench/signals.mjs [--json]` after a build.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readYaml } from '../dist/core/yaml-file.js';
import * as signalPb from '../dist/gen/perennial/v1/signal.js';
import { loadCatalogue } from '../dist/signals/catalogue.js';
import { parseMessage } from '../dist/signals/parse.js';

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const COUNT = 20_000;
const ROUNDS = 15;

const path = new URL('../scoring/signals.yaml', import.meta.url);
const { catalogue } = loadCatalogue(readYaml('signals.yaml', readFileSync(path, 'utf8')));
const context = { receivedAt: Date.UTC(2025, 5, 1), catalogue };
const numbers = Array.from({ length: COUNT }, (_, i) => i);
const time = (i) => new Date(Date.UTC(2025, 0, 1) + i * 1_000).toISOString();
const data = (i) => ({
  subscription_id: `sub-${i % 997}`,
  count: (i % 9) + 1,
  feature_key: `feature-${i % 40}`,
  user_ref: `user-${i % 5_003}`,
});
const event = (i) => ({
  specversion: '1.0',
  id: `01J${i}-7Q4E`,
  source: 'product-telemetry',
  type: 'usage.feature_used',
  subject: `acct-${i % 997}`,
  time: time(i),
});
const utf8 = new TextDecoder('utf-8', { fatal: true });

const FORMS = {
  structured: numbers.map((i) => ({ body: Buffer.from(JSON.stringify({ ...event(i), data: data(i) })) })),
  binary: numbers.map((i) => ({
    body: Buffer.from(JSON.stringify(data(i))),
    headers: Object.fromEntries([
      ...Object.entries(event(i)).map(([name, text]) => [`ce_${name}`, Buffer.from(text)]),
      ['content-type', Buffer.from('application/json')],
    ]),
  })),
  plain: numbers.map((i) => {
    const { subject, specversion: _, ...rest } = event(i);
    return { body: Buffer.from(JSON.stringify({ ...rest, account_id: subject, ...data(i) })) };
  }),
  protobuf: numbers.map((i) => {
    const { count, subscription_id, ...attributes } = data(i);
    const { id, source, subject } = event(i);
    const signal = {
      id,
      source,
      category: 1,
      type: 'feature_used',
      accountId: subject,
      attributes,
      value: count,
    };
    const encoded = {
      ...signal,
      subscriptionId: subscription_id,
      time: { seconds: Date.parse(time(i)) / 1_000, nanos: 0 },
    };
    return {
      body: Buffer.from(signalPb.Signal.encode(encoded).finish()),
      headers: { 'content-type': Buffer.from('application/protobuf') },
    };
  }),
};

/** Operations a second: the median of several rounds, after one that warms up. */
function rate(messages, run) {
  const rates = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const started = performance.now();
    for (const message of messages) run(message);
    if (round > 0) rates.push((messages.length / (performance.now() - started)) * 1_000);
  }
  return rates.sort((a, b) => a - b)[ROUNDS >> 1];
}

const decode = {
  json: (message) => JSON.parse(utf8.decode(message.body)),
  protobuf: (message) => signalPb.Signal.decode(message.body),
};
for (const [form, messages] of Object.entries(FORMS)) {
  const baseline = rate(messages, form === 'protobuf' ? decode.protobuf : decode.json);
  const value = rate(messages, (message) => {
    const { kind } = parseMessage(message, 'signal', context);
    if (kind !== 'signal') throw new Error(`${form}: a message was refused`);
  });
  const bytes = Math.round(messages.reduce((sum, { body }) => sum + body.length, 0) / COUNT);
  const config = { messages: COUNT, rounds: ROUNDS, bytes, baseline: 'decode only', node: process.version };
  const line = { name: `signals.parse.${form}`, config, value, baseline, ratio: value / baseline };
  if (options.json) console.log(JSON.stringify(line));
  else {
    const thousand = (n) => `${Math.round(n / 1_000)} k/s`;
    console.log(
      `${line.name}  ${thousand(value)}, decode only ${thousand(baseline)}, ratio ${line.ratio.toFixed(2)}`,
    );
  }
}
