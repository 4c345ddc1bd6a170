// Writes the JSON Schemas of the files that people edit into schema/. With --check: only says whether they are current.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTextFiles } from '../dist/core/text-files.js';
import { factCatalogue } from '../dist/engine/facts.js';
import { jsonSchemaFiles } from '../dist/schema/json-schemas.js';
import { loadScoring } from '../dist/scoring/load.js';

const folder = fileURLToPath(new URL('../schema', import.meta.url));
mkdirSync(folder, { recursive: true });
const { scoring } = loadScoring(
  readTextFiles(fileURLToPath(new URL('../scoring', import.meta.url))),
  'scoring',
);
if (scoring === undefined) throw new Error('scoring/ has problems; perennial doctor names them');
const wanted = jsonSchemaFiles(factCatalogue(scoring.catalogue));
const present = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const stale = [...new Set([...wanted.keys(), ...present.keys()])].filter(
  (name) => wanted.get(name) !== present.get(name),
);
if (process.argv.includes('--check')) {
  for (const name of stale) process.stderr.write(`schema/${name} is not current: run npm run schema\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const name of stale) {
    const text = wanted.get(name);
    if (text === undefined) rmSync(join(folder, name));
    else writeFileSync(join(folder, name), text);
    process.stdout.write(`${text === undefined ? 'removed' : 'wrote'} schema/${name}\n`);
  }
}
