import { describe, expect, it } from 'vitest';
import { chosenByFilter } from '../../src/cli/commands/decisions/answer.js';

describe('what a command takes that chooses decisions by a filter', () => {
  // Bug: `decisions present --kind offer --yes` passed over the approval of what waited for one.
  it.each(['present', 'resolve'] as const)(
    '%s leaves alone what waits for approval, and what has closed',
    (name) => {
      expect(chosenByFilter(name)).toEqual(['open', 'presented', 'acknowledged', 'snoozed']);
    },
  );

  it.each(['approve', 'reject'] as const)('%s is for what waits for approval', (name) => {
    expect(chosenByFilter(name)).toEqual(['pending_approval']);
  });

  it('withdraw takes all that is open', () => {
    expect(chosenByFilter('withdraw')).toContain('pending_approval');
  });

  it('reopen takes what closed without an answer', () => {
    expect(chosenByFilter('reopen')).toEqual(expect.arrayContaining(['withdrawn', 'cleared', 'lapsed']));
    expect(chosenByFilter('reopen')).not.toContain('accepted');
  });
});
