import { FloatBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

export interface LineageRow {
  readonly feature: string;
  readonly relation: 'reads_signals' | 'reads_contract' | 'in_scorecard' | 'in_rule' | 'in_guardrail';
  readonly name: string;
  /** Of a scorecard. */
  readonly weight: number | null;
}

/** Names of the definitions that lineage was written for. */
export interface Revisions {
  readonly scoring: string;
  readonly rules: string;
}

/** Makes `lineage` that of these definitions; nothing is written where it is already. */
export async function recordLineage(
  store: Store,
  { scoring, rules }: Revisions,
  rows: readonly LineageRow[],
  now: Millis,
): Promise<void> {
  const [active] = await store.rows<{ scoring: string; rules: string; at: Millis }>(
    `SELECT scoring_revision AS scoring, rules_revision AS rules, toUnixTimestamp64Milli(stored_at) AS at
     FROM lineage_log ORDER BY stored_at DESC LIMIT 1`,
  );
  if (active?.scoring === scoring && active.rules === rules) return;
  const storedAt = Math.max(now, (active?.at ?? 0) + 1);
  await insertRows(
    store,
    encodeRows<LineageRow>(
      'lineage_log',
      [
        column('feature', new TextBuilder(), (r: LineageRow) => r.feature),
        column('relation', new TextBuilder(), (r: LineageRow) => r.relation),
        column('name', new TextBuilder(), (r: LineageRow) => r.name),
        column('weight', new FloatBuilder(), (r: LineageRow) => r.weight),
        column('scoring_revision', new TextBuilder(), () => scoring),
        column('rules_revision', new TextBuilder(), () => rules),
        column('stored_at', new TimeBuilder(), () => storedAt),
      ],
      rows,
    ),
  );
}
