import { stableId } from '../../../core/identity.js';
import type { Answer } from '../../../decisions/answer.js';
import type { Decision } from '../../../decisions/decision.js';
import type { Engine } from '../../../engine/engine.js';
import { type DecisionFilter, listDecisions } from '../../../store/decision-list.js';
import { readDecisions } from '../../../store/decision-log.js';
import { findDecisions } from './find-decisions.js';

/** What people do to each of the decisions that they chose. */
export type CommandGiven = Omit<Answer, 'accountId' | 'decisionId' | 'answerId'>;

/** What came of a command. What is in neither list was like that already. */
export interface Acted {
  /** Ids of the decisions that changed. */
  readonly changed: readonly string[];
  readonly refusals: readonly { readonly decisionId: string; readonly reason: string }[];
}

/** Where commands about decisions go: to the store of this process, or to the API of an engine that runs. */
export interface Desk {
  /** By ids, or the beginnings of them. */
  named(ids: readonly string[]): Promise<readonly Decision[]>;
  filtered(filter: DecisionFilter): Promise<readonly Decision[]>;
  act(chosen: readonly Decision[], command: CommandGiven): Promise<Acted>;
  /** Decisions as they stand now, in that order. */
  read(ids: readonly string[]): Promise<readonly Decision[]>;
}

/** The same command given twice to a decision is one. */
export function commandId({ decisionId }: Decision, { kind, at, actor }: CommandGiven): string {
  return stableId(decisionId, kind, at, actor);
}

export function deskOfEngine(engine: Engine): Desk {
  const filtered = (filter: DecisionFilter) => listDecisions(engine.store, filter);
  return {
    filtered,
    named: (ids) => findDecisions(filtered, ids),
    async act(chosen, command) {
      const { events, refusals } = await engine.answer(
        chosen.map((decision) => ({
          ...command,
          accountId: decision.accountId,
          decisionId: decision.decisionId,
          answerId: `command/${commandId(decision, command)}`,
        })),
      );
      return {
        changed: [...new Set(events.map(({ decision }) => decision.decisionId))],
        refusals: refusals.map(({ answer, reason }) => ({ decisionId: answer.decisionId, reason })),
      };
    },
    read: async (ids) => inOrder(ids, await readDecisions(engine.store, ids)),
  };
}

export function inOrder(ids: readonly string[], decisions: readonly Decision[]): readonly Decision[] {
  const found = new Map(decisions.map((decision) => [decision.decisionId, decision]));
  return ids.flatMap((id) => found.get(id) ?? []);
}
