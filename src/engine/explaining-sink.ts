import { explained } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import type { Sink } from './sink.js';

/** Hands on what a pass decided, with what explains the decisions: a pass reads them without. */
export function explainingSink(store: Store, sink: Sink): Sink {
  return {
    scored: (batches, asOf) => sink.scored(batches, asOf),
    left: (subscriptions, asOf) => sink.left(subscriptions, asOf),
    decided: async (decided) => sink.decided({ ...decided, events: await explained(store, decided.events) }),
    finish: () => sink.finish(),
  };
}
