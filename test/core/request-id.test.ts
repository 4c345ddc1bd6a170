import { expect, it } from 'vitest';
import { assertSameCall } from '../../src/core/request-id.js';

it('names each field that differs, and asks nothing of those that the second call does not name', () => {
  const first = { reason: 'moving', actor: 'ada', end_time: 5 };
  expect(() => assertSameCall(first, { reason: 'moving', actor: 'ada' })).not.toThrow();
  expect(() => assertSameCall(first, { ...first, reason: 'ill', end_time: null })).toThrow(
    '`request_id` was used for a call with another reason and another end_time.',
  );
});
