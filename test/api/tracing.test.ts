import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type ContextManager, context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publishTouched } from '../../src/kafka/touched.js';
import { type Served, serve } from './support.js';

/** What an OpenTelemetry SDK brings, as far as the API asks for it. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = () => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (of, work, self, ...given) =>
    this.#storage.run(of, () => work.apply(self as never, given));
  bind: ContextManager['bind'] = (_of, target) => target;
  enable = () => this;
  disable = () => this;
}

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const KEY = Symbol.for('traceparent of the test');
const sent: { headers?: unknown }[] = [];
let api: Served;

beforeAll(async () => {
  context.setGlobalContextManager(new Contexts());
  propagation.setGlobalPropagator({
    inject(of, carrier, setter) {
      const parent = of.getValue(KEY);
      if (typeof parent === 'string') setter.set(carrier, 'traceparent', parent);
    },
    extract: (of, carrier, getter) => of.setValue(KEY, getter.get(carrier, 'traceparent')),
    fields: () => ['traceparent'],
  });
  const producer = {
    send: async (_topic: string, messages: readonly { headers?: unknown }[]) => {
      sent.push(...messages);
      return [];
    },
  };
  api = await serve({
    questions: {} as never,
    ingest: async () => publishTouched(producer as never, 'touched', [{ accountId: 'a', since: 0 }]) as never,
  });
});
afterAll(async () => {
  await api.stop();
  context.disable();
  propagation.disable();
});

it('a traceparent that a caller sends goes on with what its call sends', async () => {
  const record = { case: 'signal' as const, value: { source: 's', id: '1' } };
  const retract = (headers: Record<string, string>) =>
    api.client.retractions.retractRecords({ retractions: [{ record }] }, { headers });
  await retract({ traceparent: PARENT });
  await retract({});
  expect(sent.map(({ headers }) => headers)).toEqual([{ traceparent: PARENT }, undefined]);
});
