import type { Clock, Millis } from '../core/clock.js';
import { Ledger } from '../decisions/shared-limits.js';
import { readLedger } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import { answersOfHistory } from './answers-of-history.js';
import type { Definitions } from './definitions.js';
import { explainingSink } from './explaining-sink.js';
import { MemoryPast } from './memory-past.js';
import { pagesOfAccounts } from './pages.js';
import { type PassSummary, runPass } from './pass.js';
import { featuresAt, halving } from './pass-ports.js';
import { recordDefinitions } from './record-definitions.js';
import { RunSink } from './run-sink.js';
import { type Sink, sinksInOrder } from './sink.js';
import { StayingConditions } from './staying-conditions.js';
import { StoredPast } from './stored-past.js';

export interface WhatIfOptions {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly clock: Clock;
  /** The times of the passes, rising. */
  readonly times: readonly Millis[];
  /**
   * Only what had arrived by then counts; `observed`: at each pass, what had arrived by its own time, as in a backtest.
   * Absent: everything that is in the store now.
   */
  readonly knownAt?: Millis | 'observed';
  /** Keeps risks and decisions under this name; absent: nothing is kept. */
  readonly run?: string;
  /** Gets the results beside. */
  readonly sink?: Sink;
}

/**
 * Passes as of other times than now. The past of the first is what the store says of that time; each pass is the past of the
 * next, in memory. Nothing live is touched: no risk, decision, limit or topic.
 */
export async function* whatIf({
  store,
  definitions,
  clock,
  times,
  knownAt,
  run,
  sink,
}: WhatIfOptions): AsyncGenerator<PassSummary> {
  const [first] = times;
  if (first === undefined) return;
  // What was decided at the very time is the answer, not the past of the question.
  const before = first - 1;
  const { scoring, plan } = definitions;
  const past = new MemoryPast(new StoredPast(store, before), answersOfHistory(store, before));
  const ledger = new Ledger(await readLedger(store, 0, before));
  const limits = Object.assign(ledger, {
    prepare: (running: number) => ledger.setBrake(plan.set.brake, running),
  });
  const staying = new StayingConditions(store, plan.set);
  // The views of runs name the features of the revision.
  if (run !== undefined) await recordDefinitions(store, definitions, clock());
  const keep = run === undefined ? [] : [new RunSink(store, run, scoring, clock)];
  for (const asOf of times) {
    const observed = knownAt === 'observed' ? asOf : knownAt;
    yield await runPass(
      {
        features: featuresAt(store, scoring, asOf, observed),
        past,
        sink: explainingSink(store, sinksInOrder(...keep, ...(sink === undefined ? [] : [sink]), past)),
        limits,
        staying,
        halve: halving(store, asOf),
      },
      definitions,
      pagesOfAccounts(store, asOf),
      asOf,
    );
  }
}
