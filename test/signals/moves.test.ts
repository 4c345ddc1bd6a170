import { describe, expect, test } from 'vitest';
import { findMoves, possibleReturns, type Stay } from '../../src/signals/moves.js';

const stay = (accountId: string, first: number, last = first, startDate: string | null = null): Stay => ({
  accountId,
  subscriptionId: 's',
  first,
  last,
  receivedAt: first,
  startDate,
});
const moved = (...stays: Stay[]) =>
  findMoves(stays).map(({ accountId, movedTo, movedAt }) => `${accountId} to ${movedTo} at ${movedAt}`);

describe('a subscription', () => {
  test('has moved when another account has it later, and the one before is not spoken of any more', () => {
    expect(moved(stay('a', 1, 4), stay('b', 5, 9))).toEqual(['a to b at 5']);
    expect(moved(stay('a', 1, 4, '2025-01-01'), stay('b', 5, 9, '2025-01-01'))).toEqual(['a to b at 5']);
  });

  test('may move on, each time to the account that has it next', () => {
    expect(moved(stay('c', 7), stay('a', 1, 4), stay('b', 5, 6))).toEqual(['a to b at 5', 'b to c at 7']);
  });

  test('is two that happen to have one id where both go on, began at one time, or on different days', () => {
    expect(moved(stay('a', 1, 6), stay('b', 5, 9))).toEqual([]);
    expect(moved(stay('a', 1), stay('b', 1))).toEqual([]);
    expect(moved(stay('a', 1, 1, '2024-01-01'), stay('b', 5, 5, '2025-01-01'))).toEqual([]);
  });

  test('is no subscription but a place in each account where many have it', () => {
    expect(moved(stay('a', 1), stay('b', 2), stay('c', 3), stay('d', 4))).toEqual([]);
  });

  test('may have come back where another had it meanwhile, of one contract', () => {
    const returns = (...stays: Stay[]) =>
      possibleReturns(stays).map(({ accountId, backTo }) => `${accountId} to ${backTo}`);
    const start = '2025-01-01';
    expect(returns(stay('a', 1, 9, start), stay('b', 5, 6, start))).toEqual(['b to a']);
    expect(returns(stay('a', 1, 9, start), stay('b', 5, 9, start))).toEqual([]);
    expect(returns(stay('a', 1, 9, start), stay('b', 5, 6, '2024-01-01'))).toEqual([]);
    expect(returns(stay('a', 1, 9), stay('b', 5, 6))).toEqual([]);
    const many = ['b', 'c', 'd'].map((account) => stay(account, 5, 6, start));
    expect(returns(stay('a', 1, 9, start), ...many)).toEqual([]);
  });
});
