import { DAY_MS, type Millis } from '../../core/clock.js';
import { stableId } from '../../core/identity.js';
import type { Engine } from '../../engine/engine.js';
import { readLatestAsOf } from '../../store/risk-state.js';
import { answerDecisions, pendingDecisions } from './answer-decisions.js';

const WEEK_MS = 7 * DAY_MS;

/** A time at which the demo's business is looked at as if it were the present. */
export interface Week {
  readonly at: Millis;
  /** Scores everyone, decides, and lets people answer until the next one. */
  live(): Promise<void>;
}

/**
 * The weeks before the demo's present, the earliest first: each is a live pass at its time, followed by what people do with what
 * was decided. Those that an earlier run of the demo has lived through are left out.
 */
export async function liveWeeks(
  engine: Engine,
  { weeks, end, seed }: { readonly weeks: number; readonly end: Millis; readonly seed: number },
  setNow: (now: Millis) => void,
): Promise<readonly Week[]> {
  const lived = await readLatestAsOf(engine.store, end);
  const times = Array.from({ length: weeks }, (_, i) => end - (weeks - i) * WEEK_MS);
  return times
    .filter((at) => at > lived)
    .map((at) => ({
      at,
      async live() {
        setNow(at);
        await engine.rescoreAll();
        setNow(at + DAY_MS);
        await approve(engine, at + DAY_MS, seed);
        await answerDecisions(engine.store, { seed, from: at + DAY_MS, to: at + WEEK_MS });
      },
    }));
}

async function approve(engine: Engine, at: Millis, seed: number): Promise<void> {
  const pending = await pendingDecisions(engine.store, seed);
  if (pending.length === 0) return;
  await engine.answer(
    pending.map(({ accountId, decisionId, approved }) => ({
      accountId,
      decisionId,
      answerId: stableId('demo', decisionId, at),
      kind: approved ? 'approve' : 'reject',
      at,
      actor: 'demo-lead',
      reason: approved ? 'Worth it.' : 'Not this time.',
      until: null,
      terms: '',
    })),
  );
}
