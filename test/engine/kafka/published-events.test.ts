import { expect, it } from 'vitest';
import { DAY_MS } from '../../../src/core/clock.js';
import type { DecisionEvent } from '../../../src/decisions/decision.js';
import { loadDefinitions } from '../../../src/engine/definitions.js';
import { Engine } from '../../../src/engine/engine.js';
import { decisionMessage } from '../../../src/engine/kafka/events.js';
import { isPublished, readUnpublished } from '../../../src/store/publication-log.js';
import { silentLogger } from '../../../src/telemetry/log.js';
import { businessOf, END } from '../../support/business.js';
import { tempStore } from '../../support/temp-store.js';

// Bug: a scorer that took accounts over published some events again with another text than the scorer before it.
it('an event that is published again, from the store, says the same', async () => {
  const { store, close } = await tempStore(businessOf());
  let now = END;
  const events: DecisionEvent[] = [];
  const engine = new Engine({
    store,
    definitions: await loadDefinitions(store, 'scoring', 'rules'),
    clock: () => now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  engine.subscribe({ onDecided: (decided) => events.push(...decided.filter(isPublished)) });
  for (const day of [0, 1, 20, 60]) {
    now = END + day * DAY_MS;
    await engine.rescoreAll();
  }
  const textOf = (event: DecisionEvent) => String(decisionMessage(event).value);
  const keyOf = ({ decision }: DecisionEvent) => `${decision.decisionId}/${decision.version}`;
  const everyone = { sql: "account_id != ''", params: {} };
  const stored = await readUnpublished(store, everyone, Date.now(), 100_000);
  const texts = new Map(stored.map((event) => [keyOf(event), textOf(event)]));
  expect(new Set(events.map(({ event }) => event)).size).toBeGreaterThan(2);
  for (const event of events) expect(textOf(event)).toBe(texts.get(keyOf(event)));
  await close();
});
