import { IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { EventType } from '../rules/event.js';
import { column, type EncodedRows, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';
import { claimEpoch, type WriterEpoch } from './writer-epoch.js';

/** An answer of the keeper of shared limits. */
export interface LimitGrant {
  readonly requestId: string;
  /** Of its keeper (`writer-epoch.ts`). */
  readonly epoch: number;
  readonly generation: number;
  readonly decisionId: string;
  readonly accountId: string;
  readonly kind: EventType;
  readonly owner: string;
  readonly currency: string;
  readonly costMinor: number;
  /** undecided: a suppression that says nothing against what is open (`Ruling`). */
  readonly ruling: 'pass' | 'approve' | 'suppress' | 'undecided';
  readonly guardrail: string;
  readonly reason: string;
  readonly grantedAt: Millis;
}

/** Rows of `limit_grants`. */
export function encodeGrants(grants: readonly LimitGrant[]): EncodedRows {
  return encodeRows<LimitGrant>(
    'limit_grants',
    [
      column('request_id', new TextBuilder(), (g: LimitGrant) => g.requestId),
      column('epoch', new IntegerBuilder(), (g: LimitGrant) => g.epoch),
      column('generation', new IntegerBuilder(), (g: LimitGrant) => g.generation),
      column('decision_id', new TextBuilder(), (g: LimitGrant) => g.decisionId),
      column('account_id', new TextBuilder(), (g: LimitGrant) => g.accountId),
      column('kind', new TextBuilder(), (g: LimitGrant) => g.kind),
      column('owner', new TextBuilder(), (g: LimitGrant) => g.owner),
      column('currency', new TextBuilder(), (g: LimitGrant) => g.currency),
      column('cost_minor', new IntegerBuilder(), (g: LimitGrant) => g.costMinor),
      column('ruling', new TextBuilder(), (g: LimitGrant) => g.ruling),
      column('guardrail', new TextBuilder(), (g: LimitGrant) => g.guardrail),
      column('reason', new TextBuilder(), (g: LimitGrant) => g.reason),
      column('granted_at', new TimeBuilder(), (g: LimitGrant) => g.grantedAt),
    ],
    grants,
  );
}

/** The epoch of a generation of keepers: from then on only grants of this one count. */
export function claimKeeping(
  store: Store,
  generation: number,
  at: Millis,
  assertStillOwner: () => void,
): Promise<number> {
  const log = {
    read: () => readKeeper(store),
    write: (claimed: WriterEpoch) => insertRows(store, encodeGrants([takeOverMarker(claimed, at)])),
  };
  return claimEpoch(log, generation, assertStillOwner);
}

/** The latest keeper; undefined: for a day there has been none. */
export async function readKeeper(store: Store): Promise<WriterEpoch | undefined> {
  const [keeper] = await store.rows<WriterEpoch>(
    'SELECT epoch, generation FROM limit_grants ORDER BY epoch DESC, generation DESC LIMIT 1',
    {},
    { lane: 'batch' },
  );
  return keeper;
}

/** Takes the place of a grant in the table: it grants nothing. */
function takeOverMarker({ epoch, generation }: WriterEpoch, at: Millis): LimitGrant {
  return {
    requestId: '',
    epoch,
    generation,
    decisionId: '',
    accountId: '',
    kind: 'offer',
    owner: '',
    currency: '',
    costMinor: 0,
    ruling: 'suppress',
    guardrail: '',
    reason: '',
    grantedAt: at,
  };
}

const GRANT = `request_id AS requestId, epoch, generation, decision_id AS decisionId, account_id AS accountId, kind, owner, currency, cost_minor AS costMinor, ruling,
  guardrail, reason, toUnixTimestamp64Milli(granted_at) AS grantedAt`;

/** Grants that were given after a time. `current`: only those of the latest keeper. */
export async function readGrants(
  store: Store,
  grantedAfter: Millis,
  current: boolean,
): Promise<readonly LimitGrant[]> {
  return store.rows<LimitGrant>(
    `SELECT ${GRANT} FROM (
       SELECT * FROM limit_grants FINAL WHERE ${current ? 'epoch = (SELECT max(epoch) FROM limit_grants)' : '1'}
     ) AS g WHERE granted_at > {after:DateTime64(3, 'UTC')} AND request_id != ''`,
    { after: dateTime64(grantedAfter) },
    { lane: 'batch' },
  );
}
