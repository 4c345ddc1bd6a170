// Writes docs/api-reference.md from the comments of the contract. With --check: says whether it is current. Run with `npm run api:docs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { referencePage } from '../dist/api/reference-page.js';
import { rpcsOf } from '../dist/api/server.js';

const file = fileURLToPath(new URL('../docs/api-reference.md', import.meta.url));
// Nothing is asked: only what the methods are.
const page = referencePage(rpcsOf({ engine: {}, store: {}, catalogue: () => {}, clock: () => 0 }));
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') === page) process.exit(0);
  process.stderr.write('docs/api-reference.md is not current: npm run api:docs\n');
  process.exit(1);
}
writeFileSync(file, page);
