// Writes the tables of settings and metrics into docs/operations.md. With --check: only says whether they are current.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SETTINGS } from '../dist/core/settings.js';
import { createMetrics } from '../dist/telemetry/metrics.js';
import { table } from './markdown-table.mjs';

const page = fileURLToPath(new URL('../docs/operations.md', import.meta.url));

function settings() {
  const rows = Object.entries(SETTINGS).map(([name, schema]) => {
    const value = String(schema.parse(undefined));
    return [`\`${name}\``, value === '' ? 'empty' : `\`${value}\``, schema.description];
  });
  return table([['setting', 'default', 'meaning'], ...rows]);
}

async function metrics() {
  const all = await createMetrics().registry.getMetricsAsJSON();
  const rows = all.map(({ name, type, help }) => [`\`${name}\``, type, help]);
  return table([['metric', 'type', 'meaning'], ...rows.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Puts text between the two lines that mark its place. */
function put(text, what, content) {
  const begin = `<!-- ${what}: written by npm run operations:docs. -->\n`;
  const end = `<!-- End of ${what.toLowerCase()}. -->\n`;
  const [head, rest] = text.split(begin);
  return `${head}${begin}\n${content}\n${end}${rest.split(end)[1]}`;
}

const before = readFileSync(page, 'utf8');
const after = put(put(before, 'Settings', settings()), 'Metrics', await metrics());
if (!process.argv.includes('--check')) writeFileSync(page, after);
else if (after !== before) {
  process.stderr.write('docs/operations.md is not current: run npm run operations:docs\n');
  process.exitCode = 1;
}
