import type { Batch } from '../columns/batch.js';
import { type StringColumn, type Value, valueAt } from '../columns/column.js';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { Tally } from '../decisions/tally.js';
import type { Scope } from '../features/population.js';
import { readFeatures } from '../features/read-features.js';
import { evaluateScorecards } from '../scoring/evaluate.js';
import type { Scoring } from '../scoring/load.js';
import { readDecisionHistory } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import { readAccountOf } from '../store/subscription-log.js';
import { arrAtRisk, withScoresAndHistory } from './fact-batch.js';

/** Every fact of the subscriptions in some scopes as of a time, batch by batch, beside account_id and subscription_id. */
export async function* factsAt(
  store: Store,
  scoring: Scoring,
  scopes: AsyncIterable<Scope> | Iterable<Scope>,
  asOf: Millis,
): AsyncGenerator<Batch> {
  for await (const scope of scopes) {
    const tally = new Tally(await readDecisionHistory(store, scope, asOf));
    for await (const { batch } of readFeatures(store, scoring.catalogue, { scope, asOf })) {
      const scores = evaluateScorecards(scoring, batch);
      const account = textOf(batch, 'account_id');
      const subscription = textOf(batch, 'subscription_id');
      const history = (row: number) => tally.ofSubscription(account(row), subscription(row));
      yield withScoresAndHistory(batch, scores, arrAtRisk(batch, scores), history, asOf);
    }
  }
}

/** The facts of one subscription as of a time, as rules see them. Throws `not_found`. */
export async function factsOfSubscription(
  store: Store,
  scoring: Scoring,
  subscriptionId: string,
  asOf: Millis,
): Promise<Record<string, Exclude<Value, readonly string[]> | string[]>> {
  const account = (await readAccountOf(store, subscriptionId)) ?? subscriptionId;
  for await (const batch of factsAt(store, scoring, [{ kind: 'accounts', accounts: [account] }], asOf)) {
    const id = textOf(batch, 'subscription_id');
    for (let row = 0; row < batch.length; row++) {
      if (id(row) !== subscriptionId) continue;
      return Object.fromEntries(
        [...batch.columns].map(([name, column]) => {
          const value = valueAt(column, row);
          return [
            name,
            Array.isArray(value)
              ? [...(value as readonly string[])]
              : (value as string | number | boolean | null),
          ];
        }),
      );
    }
  }
  throw new PerennialError(
    'not_found',
    `There is no subscription ${subscriptionId} as of ${new Date(asOf).toISOString()}.`,
  );
}

/** Texts of a column that has one in every row. */
export function textOf(batch: Batch, name: string): (row: number) => string {
  const { codes, dictionary } = batch.column(name) as StringColumn;
  return (row) => dictionary[codes[row]!]!;
}
