import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardrailSchema } from '../../src/rules/guardrail-file.js';
import { DECORATOR_NAMES, OPERATOR_NAMES } from '../../src/rules/operator.js';
import { fencedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const PAGE = 'docs/rules.md';
const page = readFileSync(projectFile(PAGE), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language, file, text]) => ({
  language: language!,
  file,
  text: text!,
}));

/** The files of the page up to a block, in a fresh folder; a copy of `my-rules` holds what the page does not change too. */
function filesUpTo(block: number, folder: string): void {
  const before = blocks.slice(0, block).filter(({ file }) => file !== undefined);
  for (const { file, text } of before) {
    const targets = [file!];
    const copied = /^my-rules\/(offers|shared|guardrails|currencies)\.yaml$/.exec(file!);
    if (copied !== null) targets.push(...COPIES.map((copy) => `${copy}/${copied[1]}.yaml`));
    for (const target of targets) {
      mkdirSync(dirname(join(folder, target)), { recursive: true });
      writeFileSync(join(folder, target), text);
    }
  }
}

const COPIES = ['my-slip', 'my-change'];

describe('docs/rules.md', () => {
  let folder: string;
  let home: string;
  beforeEach(() => {
    home = process.cwd();
    folder = mkdtempSync(join(tmpdir(), 'perennial-docs-'));
    process.chdir(folder);
  });
  afterEach(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  const commands = blocks.flatMap(({ language, text }, i) =>
    language === 'sh' ? [[text.trim(), blocks[i + 1]!.text, i] as const] : [],
  );

  it.each(commands)('%s prints what the page says', async (command, printed, block) => {
    filesUpTo(block, folder);
    const [, ...args] = command.split(' ');
    const { stdout, stderr } = await runCli(args, { PERENNIAL_SCORING: projectFile('scoring') });
    expect(stderr).toBe('');
    expect(stdout).toBe(printed);
  });

  const conditions = fencedBlocks(PAGE, 'yaml').filter((text) => text.startsWith('- '));

  it.each(conditions)('shows conditions that the check takes without a word: %s', async (text) => {
    const name = join(folder, `shown-${conditions.indexOf(text)}`);
    filesUpTo(blocks.length, folder);
    mkdirSync(name);
    writeFileSync(join(name, 'shared.yaml'), readFileSync(join(folder, 'my-rules/shared.yaml')));
    writeFileSync(
      join(name, 'a.yaml'),
      `rules:\n  - name: a\n    conditions:\n      all:\n${text.replaceAll(/^(?=.)/gm, '        ')}    event: {type: touchpoint, params: {topic: t, channel: call}}\n`,
    );
    const { stdout } = await runCli(['rules', 'check', name], { PERENNIAL_SCORING: projectFile('scoring') });
    expect(stdout).toMatch(/^ok: 1 rule, /);
  });

  it('names every operator, every decorator and every kind of guardrail', () => {
    const kinds = guardrailSchema.options.map((option) => option.shape.kind.value);
    for (const name of [...OPERATOR_NAMES, ...kinds]) expect(page).toContain(`\`${name}\``);
    for (const name of DECORATOR_NAMES) expect(page).toContain(`\`${name}:\``);
  });
});
