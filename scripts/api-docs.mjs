// Writes docs/api-reference.md from the comments of the contract. Run with `npm run api:docs`.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { referencePage } from '../dist/api/reference-page.js';
import { rpcsOf } from '../dist/api/server.js';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const file = at('docs/api-reference.md');
// Nothing is asked: only what the methods are.
const page = referencePage(rpcsOf({ engine: {}, store: {}, catalogue: () => {}, clock: () => 0 }));
writeFileSync(file, page);
spawnSync(process.execPath, [at('node_modules/@biomejs/biome/bin/biome'), 'format', '--write', file], {
  stdio: 'inherit',
});
