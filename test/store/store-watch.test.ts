import { expect, it } from 'vitest';
import { StoreWatch } from '../../src/store/store-watch.js';

it('tells of a store that fails twice in a row, until it answers again', async () => {
  let fails = true;
  const ping = async () => {
    if (fails) throw new Error('The store does not answer: refused');
  };
  const watch = new StoreWatch({ ping }, () => 0);
  await watch.ask();
  expect(watch.notReady()).toBeUndefined();
  await watch.ask();
  expect(watch.notReady()).toBe('The store does not answer: refused');
  fails = false;
  await watch.ask();
  expect(watch.notReady()).toBeUndefined();
});

it('tells of a store that says nothing at all, and asks it once only', async () => {
  let now = 0;
  let asked = 0;
  let answer = () => {};
  const ping = () => {
    asked++;
    return new Promise<void>((resolve) => {
      answer = resolve;
    });
  };
  const watch = new StoreWatch({ ping }, () => now);
  const asking = watch.ask();
  now = 15_000;
  expect(watch.notReady()).toBeUndefined();
  now = 20_000;
  expect(watch.notReady()).toBe('The store has not answered for 20 s.');
  await watch.ask();
  expect(asked).toBe(1);
  answer();
  await asking;
  expect(watch.notReady()).toBeUndefined();
});

// Bug: a store that hangs was ready again for a moment each time the question to it was given up.
it('takes silence that was given up for what it is, until there is an answer', async () => {
  let now = 0;
  let giveUp = () => {};
  const ping = () =>
    new Promise<void>((_, reject) => {
      giveUp = () => reject(new Error('The store does not answer: Timeout error.'));
    });
  const watch = new StoreWatch({ ping }, () => now);
  const asking = watch.ask();
  now = 16_000;
  giveUp();
  await asking;
  expect(watch.notReady()).toBe('The store does not answer: Timeout error.');
});
