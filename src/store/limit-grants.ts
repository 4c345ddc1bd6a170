import { IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { dateTime64 } from '../core/sql-time.js';
import type { EventType } from '../rules/event.js';
import { column, type EncodedRows, encodeRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** An answer of the keeper of shared limits. */
export interface LimitGrant {
  readonly requestId: string;
  readonly epoch: number;
  readonly decisionId: string;
  readonly accountId: string;
  readonly kind: EventType;
  readonly owner: string;
  readonly currency: string;
  readonly costMinor: number;
  readonly ruling: 'pass' | 'approve' | 'suppress';
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

/** The marker of a keeper that takes over: from then on only its own grants count. */
export function takeOverMarker(epoch: number, at: Millis): LimitGrant {
  return {
    requestId: '',
    epoch,
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

const GRANT = `request_id AS requestId, epoch, decision_id AS decisionId, account_id AS accountId, kind, owner, currency, cost_minor AS costMinor, ruling,
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
