import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { businessOf, END } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

const HOUR_MS = 3_600_000;
let engine: Engine;
let close: () => Promise<void>;
/** Goes on by a millisecond whenever it is looked at. */
let now = END;

beforeAll(async () => {
  const temp = await tempStore(businessOf(25));
  ({ close } = temp);
  const definitions = await loadDefinitions(temp.store, 'scoring', 'rules');
  engine = new Engine({
    store: temp.store,
    definitions,
    clock: () => now++,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await engine.rescoreAll();
});
afterAll(() => close());

it('a question about now sees what the last pass did, also where the clock of that pass was ahead', async () => {
  const [risk] = await engine.questions.risks({}, 1);
  const { subscriptionId, band } = risk!;
  now = END - HOUR_MS;
  expect(await engine.questions.facts(subscriptionId)).toMatchObject({ previous_band: band });
  expect((await engine.questions.facts(subscriptionId, END - HOUR_MS)).previous_band).toBeNull();
});
