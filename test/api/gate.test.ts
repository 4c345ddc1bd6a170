import { expect, it } from 'vitest';
import { Gate, LANES } from '../../src/api/gate.js';

const gateOfOne = () => new Gate({ ...LANES, work: { running: 1, waiting: 10, ofCaller: 10 } });

// Bug: calls whose deadlines had passed together, and that were yet to be ended, began one after the other.
it('a place that becomes free goes to a caller that is still there', async () => {
  const gate = gateOfOne();
  const leave = await gate.enter('work', 'a', new AbortController().signal);
  const gone = [new AbortController(), new AbortController()];
  const outcomes = gone.map(({ signal }) => gate.enter('work', 'a', signal, () => true).catch(String));
  const next = gate.enter('work', 'b', new AbortController().signal);
  leave();
  (await next)();
  for (const abort of gone) abort.abort('gone');
  expect(await Promise.all(outcomes)).toEqual(['gone', 'gone']);
  (await gate.enter('work', 'a', new AbortController().signal))();
});

it('callers that have gone are counted until they are ended, and no longer', async () => {
  const gate = new Gate({ ...LANES, work: { running: 1, waiting: 10, ofCaller: 2 } });
  const leave = await gate.enter('work', 'a', new AbortController().signal);
  const abort = new AbortController();
  const gone = gate.enter('work', 'a', abort.signal, () => true).catch(String);
  leave();
  const again = await gate.enter('work', 'a', new AbortController().signal);
  expect(() => gate.refuse('work', 'a')).toThrow(/2 calls of this caller/);
  abort.abort('gone');
  await gone;
  gate.refuse('work', 'a');
  again();
});
