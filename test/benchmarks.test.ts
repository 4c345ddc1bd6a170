import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { projectFile } from './support/project.js';

// Bug: a function that only a benchmark used from outside of its file was no longer exported, and nothing said so.
test('benchmarks import what there is', async () => {
  const missing: string[] = [];
  let found = 0;
  for (const file of readdirSync(projectFile('bench'))) {
    const text = readFileSync(projectFile(`bench/${file}`), 'utf8');
    for (const [, names, path] of text.matchAll(/import \{([^}]+)\} from '\.\.\/dist\/([^']+)\.js'/g)) {
      const module = await import(projectFile(`src/${path}.ts`));
      for (const name of names!.split(',').map((one) => one.trim().replace(/ as .*/, ''))) {
        if (name === '') continue;
        found++;
        if (!(name in module)) missing.push(`bench/${file}: ${name} of ${path}`);
      }
    }
  }
  expect(missing).toEqual([]);
  expect(found).toBeGreaterThan(50);
});
