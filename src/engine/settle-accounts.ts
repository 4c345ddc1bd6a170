import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import { AccountHistory } from '../decisions/account-history.js';
import type { Answer } from '../decisions/answer.js';
import type { DecisionEvent } from '../decisions/decision.js';
import { type Refusal, type Settled, settle } from '../decisions/settle.js';
import type { Scope } from '../features/population.js';
import type { PassPorts } from './pass.js';

/**
 * Applies answers and what time has made due to the decisions of accounts, without scoring them: what a command of a person and
 * a timer need. What needs the facts of the subscriptions is left to the next pass: conditions, and the guardrails of what is to be
 * opened again.
 */
export async function settleAccounts(
  { past, sink, limits, assertStillOwner }: Pick<PassPorts, 'past' | 'sink' | 'limits' | 'assertStillOwner'>,
  scopes: Iterable<Scope>,
  asOf: Millis,
): Promise<Settled> {
  const events: DecisionEvent[] = [];
  const refusals: Refusal[] = [];
  const postponed: Answer[] = [];
  for (const scope of scopes) {
    const page = await past.page(scope, asOf);
    const byAccount = groupBy(page.decisions, ({ accountId }) => accountId);
    const known = new Set(page.decisions.map(({ decisionId }) => decisionId));
    const answers = page.answers.filter(({ decisionId }) => known.has(decisionId));
    const answersOf = groupBy(answers, ({ accountId }) => accountId);
    const settled = [...byAccount].map(([accountId, decisions]) => {
      const history = new AccountHistory(accountId, decisions, page.summariesOf(accountId));
      return settle(
        history,
        limits,
        answersOf.get(accountId) ?? [],
        asOf,
        () => 'unknown',
        () => 'wait',
        page.restorations,
      );
    });
    const later = new Set(settled.flatMap((one) => one.postponed));
    const decided = {
      events: settled.flatMap((one) => one.events),
      refusals: settled.flatMap((one) => one.refusals),
      answers: answers.filter((answer) => !later.has(answer)),
      suppressed: [],
    };
    if (decided.events.length + decided.answers.length > 0) {
      assertStillOwner?.();
      await sink.decided(decided);
    }
    events.push(...decided.events);
    refusals.push(...decided.refusals);
    postponed.push(...later);
  }
  await sink.finish();
  return { events, refusals, postponed };
}
