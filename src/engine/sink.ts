import type { Millis } from '../core/clock.js';
import type { Answer } from '../decisions/answer.js';
import type { DecisionEvent } from '../decisions/decision.js';
import type { Refusal } from '../decisions/settle.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { ScoredBatch } from '../store/risk-rows.js';

/** What a pass decided for some accounts. */
export interface Decided {
  readonly events: readonly DecisionEvent[];
  readonly suppressed: readonly SuppressionRow[];
  /** The answers that the pass looked at: applied, but for those that were refused. */
  readonly answers: readonly Answer[];
  readonly refusals: readonly Refusal[];
}

/**
 * Takes the results of a pass: a port. The live sink (`live-sink.ts`) stores them as the present, and only a pass as of now has
 * it; others report, or keep a named run (`run-sink.ts`). A method resolves once what it was given is durable.
 */
export interface Sink {
  /** Several batches at once: the store wants few large inserts. */
  scored(batches: readonly ScoredBatch[], asOf: Millis): Promise<void>;
  /** Subscriptions that had a risk and do not run any more. */
  left(
    subscriptions: readonly { readonly accountId: string; readonly subscriptionId: string }[],
    asOf: Millis,
  ): Promise<void>;
  decided(decided: Decided): Promise<void>;
  /** The pass has ended: resolves once everything that it was given is where it belongs. */
  finish(): Promise<void>;
}

/** Keeps nothing: for questions of which the summary is the answer. */
export const reportSink: Sink = {
  scored: async () => {},
  left: async () => {},
  decided: async () => {},
  finish: async () => {},
};

/** Hands everything to several sinks, to each once those before it have it. */
export function sinksInOrder(...sinks: readonly Sink[]): Sink {
  return {
    async scored(batches, asOf) {
      for (const sink of sinks) await sink.scored(batches, asOf);
    },
    async left(subscriptions, asOf) {
      for (const sink of sinks) await sink.left(subscriptions, asOf);
    },
    async decided(decided) {
      for (const sink of sinks) await sink.decided(decided);
    },
    async finish() {
      for (const sink of sinks) await sink.finish();
    },
  };
}
