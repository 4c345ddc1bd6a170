import { Code, ConnectError, type Perennial, type Retraction } from '../../../client/index.js';
import { systemClock } from '../../../core/clock.js';
import type { Settings } from '../../../core/settings.js';
import {
  countSelected,
  type RetractedCounts,
  retract,
  type Selection,
  undoRetraction,
} from '../../../ingest/retract.js';
import { withStore } from '../../open-engine.js';
import { rescoreAccounts } from '../../rescore-accounts.js';
import { askEngine } from '../../running-engine.js';

/** What a retraction concerns. Of many accounts an engine that runs names only the first. */
export interface Concerned extends RetractedCounts {
  readonly accountCount: number;
}

export interface Done extends Concerned {
  readonly id: string;
  /** A sentence that says which process scores the accounts anew. */
  readonly scored: string;
}

/** Where retractions go: to the store, or to the API of an engine that runs, which alone writes. */
export interface RetractionDesk {
  /** What would be retracted. All counts are 0: nothing of that is there. */
  count(selection: Selection, reason: string): Promise<Concerned>;
  retract(selection: Selection, reason: string, by: string): Promise<Done>;
  undo(id: string, by: string): Promise<Done>;
}

/** Runs work at the desk that the settings lead to. */
export function atRetractionDesk<T>(
  settings: Settings,
  work: (desk: RetractionDesk) => Promise<T>,
): Promise<T> {
  return askEngine(
    settings,
    (running) => work(deskOfApi(running)),
    () => work(deskOfStore(settings)),
  );
}

function deskOfStore(settings: Settings): RetractionDesk {
  const done = async (id: string, counts: RetractedCounts): Promise<Done> => ({
    ...counts,
    id,
    accountCount: counts.accounts.length,
    scored: await rescoreAccounts(settings, counts.accounts),
  });
  return {
    async count(selection) {
      const counts = await withStore(settings, (store) => countSelected(store, selection));
      return { ...counts, accountCount: counts.accounts.length };
    },
    async retract(selection, reason, by) {
      const how = { reason, by, now: systemClock() };
      const { id, ...counts } = await withStore(settings, (store) => retract(store, selection, how));
      return done(id, counts);
    },
    async undo(id, by) {
      const how = { by, now: systemClock() };
      return done(id, await withStore(settings, (store) => undoRetraction(store, id, how)));
    },
  };
}

const SCORED = 'The engine that runs scores them.';
const NOTHING: Concerned = { signals: 0, subscriptions: 0, outcomes: 0, accounts: [], accountCount: 0 };

function deskOfApi({ retractions }: Perennial): RetractionDesk {
  const create = ({ source = '', id = '', account = '' }: Selection, reason: string, more: object) =>
    retractions.createRetraction({ source, id, accountId: account, reason, ...more });
  return {
    async count(selection, reason) {
      try {
        return concerned(await create(selection, reason, { validateOnly: true }));
      } catch (thrown) {
        if (ConnectError.from(thrown).code === Code.NotFound) return NOTHING;
        throw thrown;
      }
    },
    async retract(selection, reason, actor) {
      const retraction = await create(selection, reason, { actor });
      return { ...concerned(retraction), id: retraction.retractionId, scored: SCORED };
    },
    async undo(retractionId, actor) {
      return {
        ...concerned(await retractions.undoRetraction({ retractionId, actor })),
        id: retractionId,
        scored: SCORED,
      };
    },
  };
}

function concerned(retraction: Retraction): Concerned {
  return {
    signals: Number(retraction.signalCount),
    subscriptions: Number(retraction.subscriptionCount),
    outcomes: Number(retraction.outcomeCount),
    accounts: retraction.accountIds,
    accountCount: Number(retraction.accountCount),
  };
}
