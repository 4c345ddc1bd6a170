import { quoteName } from './sql-quote.js';
import type { Store } from './store.js';

/**
 * Derives once more, from the records stored since then, what materialized views derive as records are inserted.
 *
 * An insert is a part of its table and one of each view, which the engine makes durable one after the other, in no order that it
 * promises. A kill in between may leave records that are known, so that they are not written when they arrive again, and of which a
 * view has heard nothing: an account that seems younger than it is, an answer that no decision gets. To derive twice changes nothing:
 * what views write to keeps minima, maxima and latest states. The index is left out: what it lacks is written when it arrives again.
 *
 * @param since A time of `stored_at`, in UTC.
 */
export async function deriveAgain(store: Store, since: string): Promise<void> {
  for (const { target, columns, select } of await store.rows<View>(VIEWS, {}, { lane: 'write' })) {
    const lately = select.replace(
      RECORDS,
      "FROM (SELECT * FROM $1 WHERE stored_at >= {since:DateTime64(6, 'UTC')}) AS lately",
    );
    // Views of other tables derive from what is written after a pass, which is made again until all of it is there.
    if (lately === select) continue;
    const names = columns.map(quoteName).join(', ');
    await store.command(`INSERT INTO ${quoteName(target)} (${names}) SELECT ${names} FROM (${lately})`, {
      since,
    });
  }
}

interface View {
  readonly target: string;
  readonly columns: readonly string[];
  /** As the engine writes it: each table with its database. */
  readonly select: string;
}

const RECORDS = /\bFROM ((?:`[^`]+`|\w+)\.(?:signal|subscription|outcome)_log)\b/;

const VIEWS = `SELECT extract(create_table_query, ' TO (?:\`[^\`]+\`|\\\\w+)\\\\.(\\\\w+)') AS target, c.names AS columns, as_select AS select
  FROM system.tables AS t
  INNER JOIN (
    SELECT table, groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() GROUP BY table
  ) AS c ON c.table = t.name
  WHERE t.database = currentDatabase() AND t.engine = 'MaterializedView' AND target != 'record_index'`;
