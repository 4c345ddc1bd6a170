import type { Settings } from '../core/settings.js';
import { brokersOf } from '../kafka/client.js';
import { isFenced } from '../store/scorer-fence.js';
import type { Store } from '../store/store.js';
import { withScorers } from './ask-scorers.js';

export interface ToldScorers<T> {
  readonly result: T;
  /** A sentence for the user: when scorers take the records into account. Undefined: there are no scorers. */
  readonly said: string | undefined;
}

/**
 * Runs work that changes accounts beside scorers, and tells them which, where there is a Kafka. Throws `unavailable` before anything is
 * changed where no broker answers.
 */
export async function tellingScorers<T>(
  settings: Settings,
  store: Store,
  work: (tell: (accounts: Iterable<string>) => Promise<void>) => Promise<T>,
): Promise<ToldScorers<T>> {
  if (brokersOf(settings).length > 0)
    return withScorers(settings, async (ask) => ({
      result: await work((accounts) => ask([...accounts])),
      said: 'The scorers were told which accounts changed.',
    }));
  const result = await work(async () => {});
  const said = (await isFenced(store))
    ? 'The scorers will see it with their next rescore of everyone; with KAFKA_BROKERS set they are told at once.'
    : undefined;
  return { result, said };
}
