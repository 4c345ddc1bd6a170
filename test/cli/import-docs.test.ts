import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { mappingSchema, numberSchema, timeSchema } from '../../src/ingest/import/mapping-schema.js';
import { namedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const PAGE = 'docs/import.md';
const blocks = namedBlocks(PAGE);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-docs-'));
  for (const [name, text] of blocks) {
    const [language, file] = name.split(' ');
    if (language === 'csv' || language === 'yaml') writeFileSync(join(folder, file!), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the command of the page prints what the page says', async () => {
  const [, ...args] = blocks.get('sh dry-run')!.trim().split(' ');
  const inFolder = args.map((arg) => (/\.(?:csv|yaml)$/.test(arg) ? join(folder, arg) : arg));
  const { code, stdout, stderr } = await runCli(inFolder, { PERENNIAL_SCORING: projectFile('scoring') });
  // The table is as wide as the longest path, which here is that of a temporary folder.
  const squeezed = (text: string) => text.replaceAll(`${folder}/`, '').replaceAll(/ +/g, ' ');
  expect(stderr).toBe('');
  expect(squeezed(stdout)).toBe(squeezed(blocks.get('text dry-run')!));
  expect(code).toBe(EXIT.rejected);
});

test('the page names every key that a mapping may have', () => {
  const page = readFileSync(projectFile(PAGE), 'utf8');
  const file = mappingSchema.shape.files.element;
  const keys = [
    ...Object.keys(mappingSchema.shape),
    ...Object.keys(file.shape),
    ...[numberSchema, timeSchema].flatMap((schema) => Object.keys(schema.options[1].shape)),
    ...Object.keys(file.shape.skip.unwrap().element.shape),
  ];
  for (const key of keys) expect(page, key).toContain(`\`${key}\``);
});
