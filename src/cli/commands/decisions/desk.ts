import { chunksOf } from '../../../core/chunks.js';
import { stableId } from '../../../core/identity.js';
import type { Answer } from '../../../decisions/answer.js';
import type { Decision } from '../../../decisions/decision.js';
import type { Decider } from '../../../engine/decider.js';
import type { Engine } from '../../../engine/engine.js';
import { type DecisionFilter, listDecisions } from '../../../store/decision-list.js';
import { readChangedBy, readDecisions } from '../../../store/decision-log.js';
import type { Store } from '../../../store/store.js';
import { findDecisions } from './find-decisions.js';

/** What people do to each of the decisions that they chose. */
export type CommandGiven = Omit<Answer, 'accountId' | 'decisionId' | 'answerId'>;

/** What came of a command. What is in neither list was like that already. */
export interface Acted {
  /** Ids of the decisions that this command changed, and nothing else meanwhile. */
  readonly changed: readonly string[];
  readonly refusals: readonly { readonly decisionId: string; readonly reason: string }[];
}

/** Where commands about decisions go: to the store of this process, to the API of an engine that runs, or to scorers. */
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

function readingOf(store: Store): Omit<Desk, 'act'> {
  const filtered = (filter: DecisionFilter) => listDecisions(store, filter);
  return {
    filtered,
    named: (ids) => findDecisions(filtered, ids),
    read: async (ids) => inOrder(ids, await readDecisions(store, ids)),
  };
}

export function deskOfEngine(engine: Engine): Desk {
  return {
    ...readingOf(engine.store),
    async act(chosen, command) {
      const answers = chosen.map((decision) => answerOf(decision, command));
      const { refusals } = await engine.answer(answers);
      return {
        changed: await readChangedBy(engine.store, answers),
        refusals: refusals.map(({ answer, reason }) => ({ decisionId: answer.decisionId, reason })),
      };
    },
  };
}

/** How many answers wait for the scorers at a time. */
const WAITING = 50;

/** Decisions of a store that scorers have: they alone write them, and `decider` has them do it. */
export function deskOfScorers(store: Store, decider: Pick<Decider, 'answer'>): Desk {
  return {
    ...readingOf(store),
    async act(chosen, command) {
      const refusals: { decisionId: string; reason: string }[] = [];
      const answers = chosen.map((decision) => answerOf(decision, command));
      for (const some of chunksOf(answers, WAITING))
        await Promise.all(
          some.map(async (answer) => {
            const refused = await decider.answer(answer, NEVER);
            if (refused !== undefined) refusals.push({ decisionId: answer.decisionId, ...refused });
          }),
        );
      return { changed: await readChangedBy(store, answers), refusals };
    },
  };
}

const NEVER = new AbortController().signal;

function answerOf(decision: Decision, command: CommandGiven): Answer {
  const { accountId, decisionId } = decision;
  const answerId = `command/${commandId(decision, command)}`;
  return { ...command, accountId, decisionId, answerId, terms: approvedTerms(decision, command) };
}

/** An approval names the terms that it was decided by: they may change before its turn comes. */
export function approvedTerms({ terms }: Decision, { kind, terms: named }: CommandGiven): string {
  return kind === 'approve' && named === '' ? terms : named;
}

export function inOrder(ids: readonly string[], decisions: readonly Decision[]): readonly Decision[] {
  const found = new Map(decisions.map((decision) => [decision.decisionId, decision]));
  return ids.flatMap((id) => found.get(id) ?? []);
}
