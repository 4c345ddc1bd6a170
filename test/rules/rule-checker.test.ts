import { expect, it } from 'vitest';
import type { CheckTask } from '../../src/rule-tests/check-thread.js';
import { RuleChecker } from '../../src/rule-tests/rule-checker.js';

// Bug: whoever asked for a check ended the process, with its data, for everybody.
it('a thread that can not begin fails the checks that wait for it, and no others', async () => {
  const checker = new RuleChecker('/there/is/no/such-thread.js');
  const signal = new AbortController().signal;
  const check = () => checker.check({} as CheckTask, signal);
  const failure = { code: 'unavailable', message: 'The thread that checks rules could not be had.' };
  for (const checks of [await Promise.allSettled([check(), check()]), await Promise.allSettled([check()])])
    for (const { status, ...rest } of checks)
      expect([status, rest]).toMatchObject(['rejected', { reason: failure }]);
});
