import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { referencePage } from '../../src/api/reference-page.js';
import { type ApiOptions, rpcsOf } from '../../src/api/server.js';
import { projectFile } from '../support/project.js';

it('docs/api-reference.md is what the contract says: npm run api:docs', () => {
  const nothing = { engine: {}, store: {}, catalogue: () => {}, clock: () => 0 } as unknown as ApiOptions;
  const page = referencePage(rpcsOf(nothing));
  expect(readFileSync(projectFile('docs/api-reference.md'), 'utf8')).toBe(page);
  // A comment for everything: an empty cell is a field that nobody has explained.
  expect(page).not.toMatch(/\| {2}\|$/m);
});
