import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readTextFiles } from '../../src/core/text-files.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { FILE_SCHEMAS, jsonSchemaFiles } from '../../src/schema/json-schemas.js';
import { loadScoring } from '../../src/scoring/load.js';
import { projectFile } from '../support/project.js';

it('schema/ is what the schemas in the code say (npm run schema writes it)', () => {
  const { scoring } = loadScoring(readTextFiles(projectFile('scoring')), 'scoring');
  const wanted = jsonSchemaFiles(factCatalogue(scoring!.catalogue));
  const names = readdirSync(projectFile('schema')).sort();
  expect(names).toEqual([...wanted.keys()].sort());
  for (const name of names)
    expect(readFileSync(projectFile(`schema/${name}`), 'utf8'), name).toBe(wanted.get(name));
});

it('every file of rules, scoring and examples names its schema to editors', () => {
  const files = ['rules', 'scoring', 'examples'].flatMap((folder) =>
    readdirSync(projectFile(folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => `${folder}/${name}`),
  );
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const [first] = readFileSync(projectFile(file), 'utf8').split('\n');
    const named = /^# yaml-language-server: \$schema=((?:\.\.\/)+)schema\/([a-z-]+)\.schema\.json$/.exec(
      first!,
    );
    expect(named?.[1], file).toBe('../'.repeat(file.split('/').length - 1));
    expect(Object.keys(FILE_SCHEMAS), file).toContain(named?.[2]);
  }
});
