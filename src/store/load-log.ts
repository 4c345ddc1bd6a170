import { randomBytes } from 'node:crypto';
import { IntegerBuilder, TextBuilder, TextListBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

export interface LoadCounts {
  readonly new: number;
  readonly same: number;
  readonly corrected: number;
  readonly retracted: number;
  readonly withdrawn: number;
  readonly rejected: number;
}

/** One reading of files into the store. */
export interface Load {
  readonly id: string;
  readonly kind: 'import' | 'files';
  /** Source of the mapping; empty: the files say it themselves. */
  readonly source: string;
  /** Path of the mapping; empty: none. */
  readonly mapping: string;
  readonly files: readonly string[];
  readonly status: 'running' | 'done' | 'failed' | 'undone';
  readonly startedAt: Millis;
  readonly finishedAt: Millis | null;
  readonly by: string;
  readonly counts: LoadCounts;
  readonly undoneAt: Millis | null;
  readonly undoneBy: string;
  readonly undoneReason: string;
}

export const NO_COUNTS: LoadCounts = {
  new: 0,
  same: 0,
  corrected: 0,
  retracted: 0,
  withdrawn: 0,
  rejected: 0,
};

/** An id that sorts by time: `l-20260102-030405-1a2b`. */
export function newLoadId(now: Millis): string {
  const time = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `l-${time}-${randomBytes(2).toString('hex')}`;
}

/** Stores a load as it stands; of several rows of one the last counts. */
export async function saveLoad(store: Store, load: Load): Promise<void> {
  type Row = Load;
  await insertRows(
    store,
    encodeRows<Row>(
      'load_log',
      [
        column('load_id', new TextBuilder(), (r: Row) => r.id),
        column('kind', new TextBuilder(), (r: Row) => r.kind),
        column('source', new TextBuilder(), (r: Row) => r.source),
        column('mapping', new TextBuilder(), (r: Row) => r.mapping),
        column('files', new TextListBuilder(), (r: Row) => r.files),
        column('status', new TextBuilder(), (r: Row) => r.status),
        column('started_at', new TimeBuilder(), (r: Row) => r.startedAt),
        column('finished_at', new TimeBuilder(), (r: Row) => r.finishedAt),
        column('author', new TextBuilder(), (r: Row) => r.by),
        column('records_new', new IntegerBuilder(), (r: Row) => r.counts.new),
        column('records_same', new IntegerBuilder(), (r: Row) => r.counts.same),
        column('records_corrected', new IntegerBuilder(), (r: Row) => r.counts.corrected),
        column('records_retracted', new IntegerBuilder(), (r: Row) => r.counts.retracted),
        column('records_withdrawn', new IntegerBuilder(), (r: Row) => r.counts.withdrawn),
        column('rows_rejected', new IntegerBuilder(), (r: Row) => r.counts.rejected),
        column('undone_at', new TimeBuilder(), (r: Row) => r.undoneAt),
        column('undone_by', new TextBuilder(), (r: Row) => r.undoneBy),
        column('undone_reason', new TextBuilder(), (r: Row) => r.undoneReason),
      ],
      [load],
    ),
  );
}

type LoadRow = Omit<Load, 'counts'> & Record<keyof LoadCounts, number>;

const SELECT = `SELECT load_id AS id, kind, source, mapping, files, status, toUnixTimestamp64Milli(started_at) AS startedAt,
  toUnixTimestamp64Milli(finished_at) AS finishedAt, author AS "by", records_new AS new, records_same AS same, records_corrected AS corrected,
  records_retracted AS retracted, records_withdrawn AS withdrawn, rows_rejected AS rejected, toUnixTimestamp64Milli(undone_at) AS undoneAt,
  undone_by AS undoneBy, undone_reason AS undoneReason FROM loads`;

/** Loads, the newest first. */
export async function listLoads(store: Store, limit: number): Promise<readonly Load[]> {
  const rows = await store.rows<LoadRow>(
    `${SELECT} ORDER BY started_at DESC, load_id DESC LIMIT {limit:UInt32}`,
    { limit },
  );
  return rows.map(loadOf);
}

/** Throws `not_found`. */
export async function readLoad(store: Store, id: string): Promise<Load> {
  const [row] = await store.rows<LoadRow>(`${SELECT} WHERE load_id = {id:String}`, { id });
  if (row !== undefined) return loadOf(row);
  throw new PerennialError('not_found', `There is no load ${id}.`, {
    hint: 'perennial loads list shows them.',
  });
}

function loadOf({ new: fresh, same, corrected, retracted, withdrawn, rejected, ...load }: LoadRow): Load {
  return { ...load, counts: { new: fresh, same, corrected, retracted, withdrawn, rejected } };
}

/** Loads that were undone: what they brought counts for nothing. */
export async function undoneLoads(store: Store): Promise<ReadonlySet<string>> {
  const rows = await store.rows<{ id: string }>(
    'SELECT load_id AS id FROM loads WHERE undone_at IS NOT NULL',
  );
  return new Set(rows.map(({ id }) => id));
}
