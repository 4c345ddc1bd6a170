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

/** Runs a command of the page in the folder with its files, and gives what it prints as the page would have it. */
async function run(name: string, load = ''): Promise<{ printed: string; code: number; load: string }> {
  const [, ...args] = blocks
    .get(`sh ${name}`)!
    .trim()
    .match(/"[^"]*"|\S+/g)!;
  const inFolder = args.map((arg) =>
    /\.(?:csv|yaml)$/.test(arg) ? join(folder, arg) : arg.replaceAll('"', '').replace(LOAD, load),
  );
  const env = { PERENNIAL_SCORING: projectFile('scoring'), PERENNIAL_DATA: join(folder, 'data') };
  const { code, stdout, stderr } = await runCli(inFolder, { ...env, PERENNIAL_LOG_LEVEL: 'silent' });
  expect(stderr).toBe('');
  return { printed: squeezed(stdout), code, load: LOAD.exec(stdout)?.[0] ?? '' };
}

const LOAD = /l-\d{8}-\d{6}-[\da-f]{4}/;

/** The table is as wide as the longest path, which here is that of a temporary folder; ids of loads differ. */
function squeezed(text: string): string {
  return text.replaceAll(`${folder}/`, '').replaceAll(/ +/g, ' ').replaceAll(new RegExp(LOAD, 'g'), '<load>');
}

test('the commands of the page print what the page says', async () => {
  const dry = await run('dry-run');
  expect(dry).toMatchObject({
    printed: squeezed(blocks.get('text dry-run')!),
    code: EXIT.rejected,
  });
  const imported = await run('import');
  expect(imported).toMatchObject({ printed: squeezed(blocks.get('text import')!), code: EXIT.rejected });
  const undone = await run('undo', imported.load);
  expect(undone).toMatchObject({ printed: squeezed(blocks.get('text undo')!), code: EXIT.ok });
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
