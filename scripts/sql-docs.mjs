// Writes the tables of views and columns into docs/sql.md, from a store made by the migrations. With --check: only says whether
// they are current.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { table } from './markdown-table.mjs';

const page = fileURLToPath(new URL('../docs/sql.md', import.meta.url));
const migrations = fileURLToPath(new URL('../src/store/migrations/', import.meta.url));
const BEGIN = '<!-- Written by npm run sql:docs. -->\n';
const END = '<!-- Up to here. -->\n';

/** What a view computes has no comment in a table. */
const COMPUTED = new Map([
  ['ended_at', 'When this version ceased to hold; NULL: it holds'],
  ['ended', 'Why it ceased to hold: corrected, retracted or withdrawn; empty: it holds'],
  ['ended_by', 'Load or retraction that ended it; empty: a later record, or it holds'],
  ['features', 'Feature to its value, NaN: no data; scoring/features.yaml says what each is'],
  ['contributions', 'Feature to the points of risk it adds; they sum to the risk'],
]);

/** The comments above CREATE VIEW, and the tables that each view reads. */
function readViews() {
  const sql = readdirSync(migrations)
    .sort()
    .map((file) => readFileSync(join(migrations, file), 'utf8'))
    .join('\n');
  const found = sql.matchAll(/((?:^-- .*\n)+)CREATE (?:OR REPLACE )?VIEW (\w+) AS\n([\s\S]*?);$/gm);
  const views = new Map();
  for (const [, comment, name, body] of found) {
    const sources = [...body.matchAll(/(?:FROM|JOIN) \(?(?:SELECT \*? ?[^()]*? FROM )?(\w+)/g)].map(
      (m) => m[1],
    );
    views.set(name, { description: comment.replaceAll('-- ', '').trim().replaceAll('\n', ' '), sources });
  }
  return views;
}

const dataDir = mkdtempSync(join(tmpdir(), 'perennial-sql-docs-'));
const store = await openStore({ dataDir });
try {
  await migrate(store);
  const views = readViews();
  const columns = await store.rows(
    'SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() ORDER BY table, position',
  );
  const of = (table) => columns.filter((column) => column.table === table);
  const commentOf = (table, name) => {
    const own = of(table).find((column) => column.name === name)?.comment;
    if (own) return own;
    for (const source of views.get(table)?.sources ?? []) {
      const comment = commentOf(source, name);
      if (comment !== undefined) return comment;
    }
    return undefined;
  };
  let text = '';
  for (const [view, { description }] of views) {
    // A later migration may have dropped it.
    if (of(view).length === 0) continue;
    const rows = of(view).map(({ name, type }) => {
      const meaning = COMPUTED.get(name) ?? commentOf(view, name);
      if (meaning === undefined) throw new Error(`${view}.${name} has no comment in its table`);
      return [`\`${name}\``, `\`${type}\``, meaning];
    });
    text += `\n### ${view}\n\n${description}\n\n${table([['column', 'type', 'meaning'], ...rows])}`;
  }
  const before = readFileSync(page, 'utf8');
  const [head, rest] = before.split(BEGIN);
  const after = `${head}${BEGIN}${text}\n${END}${rest.split(END)[1]}`;
  if (!process.argv.includes('--check')) writeFileSync(page, after);
  else if (after !== before) {
    process.stderr.write('docs/sql.md is not current: run npm run sql:docs\n');
    process.exitCode = 1;
  }
} finally {
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
}
