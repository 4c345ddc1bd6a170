import { IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';
import type { Band } from '../scoring/scorecard.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** One pass of a named run. */
export interface RunPass {
  readonly run: string;
  readonly asOf: Millis;
  /** Null: everything that is in the store. */
  readonly knownAt: Millis | null;
  readonly subscriptions: number;
  readonly bands: Readonly<Record<Band, number>>;
  readonly opened: number;
  readonly closed: number;
  readonly suppressed: number;
  readonly rulesRevision: string;
  readonly scoringRevision: string;
  readonly ranAt: Millis;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Whether a text can name a run. */
export function isRunName(name: string): boolean {
  return NAME.test(name);
}

/** Keeps the summary of one pass of a run. */
export async function recordRunPass(store: Store, pass: RunPass): Promise<void> {
  await insertRows(
    store,
    encodeRows<RunPass>(
      'run_log',
      [
        column('run', new TextBuilder(), ({ run }: RunPass) => run),
        column('as_of', new TimeBuilder(), ({ asOf }: RunPass) => asOf),
        column('known_at', new TimeBuilder(), ({ knownAt }: RunPass) => knownAt),
        column('subscriptions', new IntegerBuilder(), ({ subscriptions }: RunPass) => subscriptions),
        column('bands_json', new TextBuilder(), ({ bands }: RunPass) => JSON.stringify(bands)),
        column('opened', new IntegerBuilder(), ({ opened }: RunPass) => opened),
        column('closed', new IntegerBuilder(), ({ closed }: RunPass) => closed),
        column('suppressed', new IntegerBuilder(), ({ suppressed }: RunPass) => suppressed),
        column('rules_revision', new TextBuilder(), ({ rulesRevision }: RunPass) => rulesRevision),
        column('scoring_revision', new TextBuilder(), ({ scoringRevision }: RunPass) => scoringRevision),
        column('ran_at', new TimeBuilder(), ({ ranAt }: RunPass) => ranAt),
      ],
      [pass],
    ),
  );
}

const SELECT = `run, toUnixTimestamp64Milli(r.as_of) AS asOf, toUnixTimestamp64Milli(r.known_at) AS knownAt, subscriptions, bands, opened, closed,
  suppressed, rules_revision AS rulesRevision, scoring_revision AS scoringRevision, toUnixTimestamp64Milli(r.ran_at) AS ranAt`;

/** The passes of a run, the earliest first; of all runs without a name. */
export async function readRunPasses(store: Store, run?: string): Promise<readonly RunPass[]> {
  const where = run === undefined ? '1' : 'run = {run:String}';
  return store.rows<RunPass>(`SELECT ${SELECT} FROM runs AS r WHERE ${where} ORDER BY run, asOf`, {
    run: run ?? '',
  });
}

/** Runs by name: `after` a name, or one by its name. Each with its passes, the earliest first. */
export async function listRuns(
  store: Store,
  { run = '', after = '', limit }: { readonly run?: string; readonly after?: string; readonly limit: number },
): Promise<readonly (readonly RunPass[])[]> {
  const rows = await store.rows<RunPass>(
    `SELECT ${SELECT} FROM runs AS r WHERE run IN (
       SELECT DISTINCT run FROM runs WHERE ({run:String} = '' OR run = {run:String}) AND run > {after:String} ORDER BY run LIMIT {limit:UInt32}
     ) ORDER BY run, asOf`,
    { run, after, limit },
    { lane: 'ask' },
  );
  return [...groupBy(rows, (pass) => pass.run).values()];
}

const TABLES = ['run_risk_log', 'run_decision_log', 'run_log'];

/** Whether a run of this name is kept, or was begun and ended before its first pass was whole. */
export async function isRunBegun(store: Store, run: string): Promise<boolean> {
  const rows = TABLES.map((table) => `SELECT 1 FROM ${table} WHERE run = {run:String} LIMIT 1`);
  return (await store.rows(rows.join(' UNION ALL '), { run })).length > 0;
}

/** Forgets a run with its risks and decisions. */
export async function dropRun(store: Store, run: string): Promise<void> {
  for (const table of TABLES) await store.command(`DELETE FROM ${table} WHERE run = {run:String}`, { run });
}
