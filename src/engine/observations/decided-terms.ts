import { DAY_MS, type Millis } from '../../core/clock.js';
import { dateTime64 } from '../../core/sql-time.js';
import type { LabelDefinition } from '../../features/labels.js';
import { daysOf } from '../../features/measures/window.js';
import type { DecidedTerm } from '../../fit/observations/observation.js';
import type { Store } from '../../store/store.js';

/** Notice given longer before the due date was about another term. */
const NOTICE_DAYS = 400;

/**
 * The terms that ended between two times, each once, and how. A term was due on the renewal date that the outcome names, else on
 * that of the contract as it stood before the outcome; an outcome farther from it than the label's window, or of a contract
 * without one, was due when it came.
 */
export async function readDecidedTerms(
  store: Store,
  { outcomes, against, window }: Pick<LabelDefinition, 'outcomes' | 'against' | 'window'>,
  from: Millis,
  to: Millis,
): Promise<DecidedTerm[]> {
  const rows = await store.rows<{
    accountId: string;
    subscriptionId: string;
    kind: string;
    occurredAt: Millis;
    termEnd: Millis | null;
    renewal: Millis | null;
    noticeAt: Millis | null;
  }>(
    `WITH decisive AS (
       SELECT account_id, subscription_id, kind, occurred_at, term_end FROM outcomes
       WHERE kind IN {kinds:Array(String)} AND occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
     )
     SELECT o.account_id AS accountId, o.subscription_id AS subscriptionId, o.kind AS kind, toUnixTimestamp64Milli(o.occurred_at) AS occurredAt,
       ${millisOf('o.term_end')} AS termEnd, ${millisOf('s.renewal')} AS renewal,
       nullIf(toUnixTimestamp64Milli(n.notice_at), 0) AS noticeAt
     FROM decisive AS o
     ASOF LEFT JOIN (SELECT account_id, subscription_id, occurred_at, renewal FROM subscription_history) AS s
       ON s.account_id = o.account_id AND s.subscription_id = o.subscription_id AND o.occurred_at > s.occurred_at
     LEFT JOIN (
       SELECT d.account_id AS account_id, d.subscription_id AS subscription_id, d.occurred_at AS decided_at, min(c.occurred_at) AS notice_at
       FROM decisive AS d
       INNER JOIN (SELECT account_id, subscription_id, occurred_at FROM outcomes WHERE kind = 'cancel_intent') AS c
         ON c.account_id = d.account_id AND c.subscription_id = d.subscription_id
       WHERE c.occurred_at <= d.occurred_at AND c.occurred_at > d.occurred_at - toIntervalDay(${NOTICE_DAYS})
       GROUP BY account_id, subscription_id, decided_at
     ) AS n ON n.account_id = o.account_id AND n.subscription_id = o.subscription_id AND n.decided_at = o.occurred_at
     ORDER BY o.account_id, o.subscription_id, o.occurred_at, o.kind`,
    { kinds: [...outcomes, ...against], from: dateTime64(from), to: dateTime64(to) },
    { lane: 'batch' },
  );
  const windowMs = daysOf(window) * DAY_MS;
  const terms = new Map<string, DecidedTerm>();
  for (const { accountId, subscriptionId, kind, occurredAt, termEnd, renewal, noticeAt } of rows) {
    const due = termEnd ?? renewal;
    const isNear = due !== null && Math.abs(occurredAt - due) <= windowMs;
    const dueAt = due !== null && isNear ? due : occurredAt;
    const key = JSON.stringify([accountId, subscriptionId, dueAt]);
    // The first answer holds: a contract renewed and later left was renewed.
    if (terms.has(key)) continue;
    const label = (outcomes as readonly string[]).includes(kind) ? 1 : 0;
    terms.set(key, { accountId, subscriptionId, dueAt, label, noticeAt });
  }
  return [...terms.values()];
}

function millisOf(date: string): string {
  return `toUnixTimestamp64Milli(toDateTime64(${date}, 3, 'UTC'))`;
}
