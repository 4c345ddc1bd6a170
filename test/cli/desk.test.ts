import { expect, it } from 'vitest';
import { deskOfScorers } from '../../src/cli/commands/decisions/desk.js';
import type { Answer } from '../../src/decisions/answer.js';
import type { Store } from '../../src/store/store.js';
import { inStatus } from '../decisions/cases.js';

// Bug: an approval by command, beside scorers, took whatever the terms had become by its turn.
it('an approval beside scorers names the terms that were read, unless others are named', async () => {
  const given: Answer[] = [];
  const decider = {
    answer: async (answer: Answer) => {
      given.push(answer);
      return undefined;
    },
  };
  const store = { rows: async () => [] } as unknown as Store;
  const chosen = [inStatus('pending_approval', 'offer', { terms: 'as read' })];
  const command = { at: 0, actor: 'olga', reason: '', until: null };
  const desk = deskOfScorers(store, decider);
  await desk.act(chosen, { ...command, kind: 'approve', terms: '' });
  await desk.act(chosen, { ...command, kind: 'approve', terms: 'named' });
  await desk.act(chosen, { ...command, kind: 'reject', terms: '' });
  expect(given.map(({ terms }) => terms)).toEqual(['as read', 'named', '']);
});
