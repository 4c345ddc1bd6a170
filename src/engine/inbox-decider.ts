import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, steadyClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Answer } from '../decisions/answer.js';
import { writeBatch } from '../ingest/batch-writer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { isDecided, lastDecided } from '../store/decided-accounts.js';
import { encodeAnswers } from '../store/decision-inbox.js';
import { insertRows } from '../store/encoded-rows.js';
import type { Store } from '../store/store.js';
import type { Decider } from './decider.js';

/** How often it is looked whether a scorer is done. */
const LOOK_MS = 50;
/**
 * How often scorers are asked again: a pass as of a time before the call, by a machine whose clock is behind or that was at work already, has not seen
 * what is to be applied.
 */
const ASK_AGAIN_MS = 1_000;
/** When a caller has set no deadline. */
const LONGEST_MS = 30_000;

/**
 * Has accounts decided by the scorers, which run elsewhere: what is to be applied goes into the store, they are asked for a pass over the account,
 * and the store says when they are done. They do it all the same when the caller has gone by then.
 */
export class InboxDecider implements Decider {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #ask: (accounts: readonly string[]) => Promise<void>;

  /** @param ask Asks the scorers for a pass over accounts, and to say when it is done. */
  constructor(store: Store, clock: Clock, ask: (accounts: readonly string[]) => Promise<void>) {
    this.#store = store;
    this.#clock = clock;
    this.#ask = ask;
  }

  async answer(answer: Answer, signal: AbortSignal) {
    await insertRows(this.#store, encodeAnswers([answer]));
    await this.#ask([answer.accountId]);
    return this.#until(answer.accountId, signal, async () => {
      const [row] = await this.#store.rows<{ refusal: string }>(
        `SELECT refusal FROM decision_inbox FINAL WHERE account_id = {account:String} AND decision_id = {decision:String}
           AND answer_id = {answer:String} AND applied = 1`,
        { account: answer.accountId, decision: answer.decisionId, answer: answer.answerId },
      );
      if (row === undefined) return undefined;
      return { done: row.refusal === '' ? undefined : { reason: row.refusal } };
    });
  }

  async report(accountId: string, records: readonly Delivery[], signal: AbortSignal): Promise<void> {
    await this.decide(accountId, records, signal);
  }

  async decide(accountId: string, records: readonly Delivery[], signal: AbortSignal): Promise<undefined> {
    // Where clocks were set back, passes go on as of times to come.
    const since = Math.max(this.#clock(), (await lastDecided(this.#store, accountId)) + 1);
    if (records.length > 0) await writeBatch(this.#store, records);
    await this.#ask([accountId]);
    await this.#until(accountId, signal, async () =>
      (await isDecided(this.#store, accountId, since)) ? { done: undefined } : undefined,
    );
  }

  accountOf(): undefined {}

  async #until<T>(
    accountId: string,
    signal: AbortSignal,
    look: () => Promise<{ done: T } | undefined>,
  ): Promise<T> {
    const end = steadyClock() + LONGEST_MS;
    let askAgain = steadyClock() + ASK_AGAIN_MS;
    for (;;) {
      signal.throwIfAborted();
      const found = await look();
      if (found !== undefined) return found.done;
      if (steadyClock() > end)
        throw new PerennialError('unavailable', 'No scorer has done it in time.', {
          reason: 'SCORERS_SLOW',
          hint: 'It is done once one does. Ask again with the same request_id.',
        });
      if (steadyClock() >= askAgain) {
        await this.#ask([accountId]);
        askAgain = steadyClock() + ASK_AGAIN_MS;
      }
      await pause(LOOK_MS);
    }
  }
}
