import { stableId } from '../../../core/identity.js';
import type { Answer } from '../../../decisions/answer.js';
import type { Decision } from '../../../decisions/decision.js';
import type { Engine } from '../../../engine/engine.js';
import { type DecisionFilter, listDecisions } from '../../../store/decision-log.js';
import { decisionJson } from './decision-json.js';
import { findDecisions } from './find-decisions.js';

/** What people do to each of the decisions that they chose. */
export type CommandGiven = Omit<Answer, 'accountId' | 'decisionId' | 'answerId'>;

/** What a list shows of a decision. */
export type DecisionRow = Pick<
  Decision,
  | 'decisionId'
  | 'openedAt'
  | 'subscriptionId'
  | 'kind'
  | 'action'
  | 'status'
  | 'waitsFor'
  | 'costMinor'
  | 'currency'
  | 'rule'
  | 'reasons'
>;

/** What came of a command. What is in neither list was like that already. */
export interface Acted {
  /** The decisions that changed, as `--json` prints them. */
  readonly changed: readonly Record<string, unknown>[];
  readonly refusals: readonly { readonly decisionId: string; readonly reason: string }[];
}

/** Where commands about decisions go: to the store of this process, or to the API of an engine that runs. */
export interface Desk<Row extends DecisionRow = DecisionRow> {
  named(ids: readonly string[]): Promise<readonly Row[]>;
  filtered(filter: DecisionFilter): Promise<readonly Row[]>;
  act(chosen: readonly Row[], command: CommandGiven): Promise<Acted>;
}

/** The same command given twice to a decision is one. */
export function commandId({ decisionId }: DecisionRow, { kind, at, actor }: CommandGiven): string {
  return stableId(decisionId, kind, at, actor);
}

export function deskOfEngine(engine: Engine): Desk<Decision> {
  return {
    named: (ids) => findDecisions(engine.store, ids),
    filtered: (filter) => listDecisions(engine.store, filter),
    async act(chosen, command) {
      const { events, refusals } = await engine.answer(
        chosen.map((decision) => ({
          ...command,
          accountId: decision.accountId,
          decisionId: decision.decisionId,
          answerId: `command/${commandId(decision, command)}`,
        })),
      );
      const changed = new Map(events.map(({ decision }) => [decision.decisionId, decision]));
      return {
        changed: [...changed.values()].map(decisionJson),
        refusals: refusals.map(({ answer, reason }) => ({ decisionId: answer.decisionId, reason })),
      };
    },
  };
}
