import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Doorway } from '../../src/core/doorway.js';

// Bug: a hundred calls that came in one packet were all refused before a call of another connection was looked at.
it('calls that come at once are let in over several turns of the event loop, each once and in their order', async () => {
  const doorway = new Doorway();
  const entered: number[] = [];
  const enter = async (call: number) => {
    await doorway.pass();
    entered.push(call);
  };
  const calls = Array.from({ length: 50 }, (_, call) => enter(call));
  const inTurn: number[] = [];
  while (entered.length < 50) {
    const before = entered.length;
    await nextTurn();
    inTurn.push(entered.length - before);
  }
  await Promise.all(calls);
  expect(entered).toEqual(Array.from({ length: 50 }, (_, call) => call));
  expect(Math.max(...inTurn)).toBeLessThanOrEqual(16);

  // Nobody waits at an empty door, and it counts anew each turn.
  await nextTurn();
  for (let i = 0; i < 20; i++) {
    expect(doorway.pass()).toBeUndefined();
    await nextTurn();
  }
});

// Bug: what one connection had brought stood before what others brought later.
it('those that bring work take turns', async () => {
  const doorway = new Doorway();
  const [many, one] = [{}, {}];
  const entered: string[] = [];
  const enter = async (name: string, of: object) => {
    await doorway.pass(of);
    entered.push(name);
  };
  const all = [...Array.from({ length: 50 }, () => enter('many', many)), enter('one', one)];
  await Promise.all(all);
  expect(entered.indexOf('one')).toBeLessThan(16);
  expect(entered).toHaveLength(51);
});

// Bug: a call of a connection that had no other waited for the turns of a hundred that another one had brought.
it('what brings a single piece of work does not wait, as long as those are few', async () => {
  const doorway = new Doorway();
  const many = {};
  for (let i = 0; i < 50; i++) doorway.pass(many);
  const [one, another] = [{}, {}];
  expect(doorway.pass(one)).toBeUndefined();
  expect(doorway.pass(another)).toBeUndefined();
  expect(doorway.pass(one)).toBeInstanceOf(Promise);
  const most = Array.from({ length: 100 }, () => doorway.pass({}));
  expect(most.filter((waits) => waits === undefined).length).toBeLessThan(32);
});
