// Writes the tables of views and columns into docs/sql.md, from a store made by the migrations. With --check: only says whether
// they are current.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/open-store.js';
import { readViews } from '../dist/store/view-files.js';
import { table } from './markdown-table.mjs';

const page = fileURLToPath(new URL('../docs/sql.md', import.meta.url));
const BEGIN = '<!-- Written by npm run sql:docs. -->\n';
const END = '<!-- Up to here. -->\n';

const dataDir = mkdtempSync(join(tmpdir(), 'perennial-sql-docs-'));
const store = await openStore({ dataDir });
try {
  await migrate(store);
  const views = await store.rows(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
  );
  const columns = await store.rows(
    'SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() ORDER BY table, position',
  );
  const order = new Map(readViews().map(({ name }, index) => [name, index]));
  let text = '';
  for (const { name: view, comment } of views.sort((a, b) => order.get(a.name) - order.get(b.name))) {
    if (comment === '') throw new Error(`${view} has no comment`);
    const rows = columns
      .filter((column) => column.table === view)
      .map(({ name, type, comment }) => {
        if (comment === '') throw new Error(`${view}.${name} has no comment`);
        return [`\`${name}\``, `\`${type}\``, comment];
      });
    text += `\n### ${view}\n\n${comment}\n\n${table([['column', 'type', 'meaning'], ...rows])}`;
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
