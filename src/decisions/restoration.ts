import type { Answer } from './answer.js';
import type { Decision, DecisionEvent } from './decision.js';

/** What a decision goes back to once an answer that it was given turns out never to have been given. */
export interface Restoration {
  /** As it was before the first of those answers. */
  readonly before: Decision;
  /** Answers and outcomes that came since then: they are applied anew. */
  readonly answers: readonly Answer[];
  /** Names the answers that were taken back. */
  readonly causeId: string;
}

/** Ids of answers hold no line breaks: their sources and ids are single lines. */
const BETWEEN = '\n';

/**
 * `events` of the decision, the first first; `takenBack`: ids of answers that do not hold any more, `applied` those that do and
 * were applied. Undefined: nothing came of them, or it has been undone already.
 */
export function restorationOf(
  events: readonly DecisionEvent[],
  takenBack: readonly string[],
  applied: readonly Answer[],
): Restoration | undefined {
  const { standing, undone } = withoutUndone(events);
  const due = new Set(takenBack.filter((id) => !undone.has(id)));
  const first = standing.findIndex(({ causeId }) => due.has(causeId));
  if (first < 1) return undefined;
  const earlier = standing.slice(0, first);
  const kept = new Set(earlier.map(({ causeId }) => causeId));
  return {
    before: earlier.at(-1)!.decision,
    answers: applied.filter(({ answerId }) => !due.has(answerId) && !kept.has(answerId)),
    causeId: [...due].sort().join(BETWEEN),
  };
}

/** The events that made the decision what it is: a correction voids those from the first that it undid up to itself. */
function withoutUndone(events: readonly DecisionEvent[]): {
  standing: readonly DecisionEvent[];
  undone: ReadonlySet<string>;
} {
  const standing: DecisionEvent[] = [];
  const undone = new Set<string>();
  for (const event of events) {
    if (event.event === 'corrected') {
      const ids = new Set(event.causeId.split(BETWEEN));
      for (const id of ids) undone.add(id);
      const from = standing.findIndex(({ causeId }) => ids.has(causeId));
      if (from !== -1) standing.length = from;
    }
    standing.push(event);
  }
  return { standing, undone };
}
