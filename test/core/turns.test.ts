import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/core/turns.js';

/** Holds the event loop. */
function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

// Bug: a page of a thousand risks was built in one go, and a risk that was in memory waited for all of it.
it('work of many parts lets others have their turn in the middle of it', async () => {
  let over = false;
  let turns = 0;
  const others = (async () => {
    while (!over) {
      await nextTurn();
      turns++;
    }
  })();
  const made = await new Turns().map(
    Array.from({ length: 60 }, (_, i) => i),
    (i) => {
      hold(1);
      return i % 2 === 0 ? i : Promise.resolve(i);
    },
  );
  const meanwhile = turns;
  over = true;
  await others;
  expect(made).toEqual(Array.from({ length: 60 }, (_, i) => i));
  expect(meanwhile).toBeGreaterThanOrEqual(5);
});
