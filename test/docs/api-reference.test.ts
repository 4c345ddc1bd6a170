import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { referencePage } from '../../src/api/reference-page.js';
import { type ApiOptions, rpcsOf } from '../../src/api/server.js';
import { projectFile } from '../support/project.js';

it('docs/api-reference.md is what the contract says: npm run api:docs', () => {
  const nothing = { engine: {}, store: {}, catalogue: () => {}, clock: () => 0 } as unknown as ApiOptions;
  const page = referencePage(rpcsOf(nothing));
  // The formatter pads the columns of tables.
  const bare = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
  expect(bare(readFileSync(projectFile('docs/api-reference.md'), 'utf8'))).toBe(bare(page));
  // A comment for everything: an empty cell is a field that nobody has explained.
  expect(page).not.toMatch(/\| {2}\|$/m);
});
