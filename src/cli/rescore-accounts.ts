import type { Settings } from '../core/settings.js';
import { brokersOf } from '../kafka/client.js';
import { withScorers } from './ask-scorers.js';
import { withEngine, withStore } from './open-engine.js';

/**
 * Has accounts scored whose records a command has changed: by the scorers, where there is a Kafka, else by this process. A store in
 * which nobody was ever scored stays so. Resolves to a sentence that says which.
 */
export async function rescoreAccounts(settings: Settings, accounts: readonly string[]): Promise<string> {
  if (accounts.length === 0) return 'No account is concerned.';
  if (brokersOf(settings).length > 0) {
    await withScorers(settings, (ask) => ask(accounts));
    return `The scorers were asked to score ${accounts.length} accounts.`;
  }
  const [row] = await withStore(settings, (store) =>
    store.rows<{ n: number }>(`SELECT count() AS n FROM revisions WHERE kind = 'scoring'`),
  );
  if (row!.n === 0) return 'Nobody was scored yet.';
  const { subscriptions } = await withEngine(settings, 'decide', (engine) =>
    engine.rescoreAccounts(accounts),
  );
  return `Scored ${subscriptions} subscriptions of ${accounts.length} accounts.`;
}
