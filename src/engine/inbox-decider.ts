import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { dateTime64 } from '../core/sql-time.js';
import type { Answer } from '../decisions/answer.js';
import type { Delivery } from '../ingest/signal-source.js';
import { encodeAnswers } from '../store/decision-inbox.js';
import { insertRows } from '../store/encoded-rows.js';
import type { Store } from '../store/store.js';
import type { Decider } from './decider.js';

/** How often it is looked whether a scorer is done. */
const LOOK_MS = 50;
/** When a caller has set no deadline. */
const LONGEST_MS = 30_000;

/**
 * Has accounts decided by the scorers, which run elsewhere: what is to be applied goes into the store, they are asked for a pass over the account,
 * and the store says when they are done. They do it all the same when the caller has gone by then.
 */
export class InboxDecider implements Decider {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #ingest: (records: readonly Delivery[]) => Promise<unknown>;
  readonly #touch: (accounts: readonly string[]) => Promise<void>;

  /**
   * @param ingest Stores records and asks for a pass over their accounts.
   * @param touch Asks the scorers for a pass over accounts.
   */
  constructor(
    store: Store,
    clock: Clock,
    ingest: (records: readonly Delivery[]) => Promise<unknown>,
    touch: (accounts: readonly string[]) => Promise<void>,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#ingest = ingest;
    this.#touch = touch;
  }

  async answer(answer: Answer, signal: AbortSignal) {
    await insertRows(this.#store, encodeAnswers([answer]));
    await this.#touch([answer.accountId]);
    return this.#until(signal, async () => {
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

  async decide(accountId: string, records: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const since = this.#clock();
    if (records.length > 0) await this.#ingest(records);
    else await this.#touch([accountId]);
    await this.#until(signal, async () => {
      const [row] = await this.#store.rows<{ scored: number }>(
        `SELECT count() AS scored FROM risk_state WHERE account_id = {account:String} AND as_of >= {since:DateTime64(3, 'UTC')}`,
        { account: accountId, since: dateTime64(since) },
      );
      return row!.scored > 0 ? { done: undefined } : undefined;
    });
  }

  async #until<T>(signal: AbortSignal, look: () => Promise<{ done: T } | undefined>): Promise<T> {
    const end = this.#clock() + LONGEST_MS;
    for (;;) {
      signal.throwIfAborted();
      const found = await look();
      if (found !== undefined) return found.done;
      if (this.#clock() > end)
        throw new PerennialError('unavailable', 'No scorer has done it in time.', {
          reason: 'SCORERS_SLOW',
          hint: 'It is done once one does. Ask again with the same request_id.',
        });
      await pause(LOOK_MS);
    }
  }
}
