import { DAY_MS, type Millis } from '../core/clock.js';
import type { Answer } from '../decisions/answer.js';
import { writeBatch } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import type { AccountOutcome } from './account-outcome.js';
import type { Engine } from './engine.js';

/** Why an answer was not carried out. */
export interface Refused {
  readonly reason: string;
}

/**
 * Has accounts decided while a caller waits. Accounts have one writer: here that is this process; `inbox-decider.ts` asks the scorers where
 * they run elsewhere.
 */
export interface Decider {
  /** Applies an answer. Resolves to why it was refused; undefined: it was carried out, or changed nothing. */
  answer(answer: Answer, signal: AbortSignal): Promise<Refused | undefined>;
  /** Stores records of an account and applies what they say of its decisions. */
  report(accountId: string, records: readonly Delivery[], signal: AbortSignal): Promise<void>;
  /**
   * Stores records of an account, then scores and decides it as of a time that has them. Resolves to what came of it; undefined: it was
   * decided elsewhere, and the store has it.
   */
  decide(
    accountId: string,
    records: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<AccountOutcome | undefined>;
  /**
   * The account of a subscription that runs, as its latest risk says; undefined where something of it may have arrived since, and
   * the store is to be asked.
   */
  accountOf(subscriptionId: string, now: Millis): string | undefined;
}

const dayOf = (time: Millis) => Math.floor(time / DAY_MS);

/** Decides in this process. */
export function localDecider(engine: Engine): Decider {
  return {
    async answer(answer) {
      const { refusals } = await engine.answer([answer]);
      const refusal = refusals.find(({ answer: refused }) => refused.answerId === answer.answerId);
      return refusal === undefined ? undefined : { reason: refusal.reason };
    },
    async report(accountId, records) {
      const { accounts } = await writeBatch(engine.store, records);
      await engine.settle([...new Set([accountId, ...accounts])]);
    },
    async decide(accountId, records) {
      await writeBatch(engine.store, records);
      return engine.decideAccount(accountId);
    },
    accountOf(subscriptionId, now) {
      const risk = engine.questions.latestInMemory(subscriptionId);
      // Other processes are not heard of here, and terms end at midnight.
      if (risk === undefined || engine.store.shared || dayOf(risk.asOf) !== dayOf(now)) return undefined;
      return engine.isCurrent(risk.accountId) ? risk.accountId : undefined;
    },
  };
}
