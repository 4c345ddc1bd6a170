import { expect, it } from 'vitest';
import { killAnswer, ownKill } from '../../../src/store/http-server/own-kill.js';

it.each([
  ["KILL QUERY WHERE query_id = 'one'", { queryId: 'one', format: undefined }],
  ["kill query where query_id='one' SYNC;", { queryId: 'one', format: undefined }],
  // Bug: with a format, as clients send it, it was left to the engine, which tries once.
  ["KILL QUERY WHERE query_id = 'one' ASYNC FORMAT TabSeparated", { queryId: 'one', format: 'TabSeparated' }],
  ["KILL QUERY WHERE query_id = 'one' OR 1", undefined],
  ["KILL QUERY WHERE user = 'one'", undefined],
  ["SELECT 'KILL QUERY WHERE query_id = 1'", undefined],
])('%s names %o', (sql, named) => {
  expect(ownKill(sql)).toEqual(named);
});

it('answers in the format that is asked for', () => {
  expect(killAnswer({ queryId: 'one', format: 'CSV' }, 'reader')).toMatch(/ FORMAT CSV$/);
});
