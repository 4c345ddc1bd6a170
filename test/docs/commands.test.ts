import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { type DescService, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import * as client from '../../src/client/index.js';
import { SETTINGS } from '../../src/core/settings.js';
import { fencedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const pages = [
  ...readdirSync(projectFile('.')),
  ...['docs', 'docs/adr', 'examples'].flatMap((folder) =>
    readdirSync(projectFile(folder)).map((file) => `${folder}/${file}`),
  ),
].filter((file) => file.endsWith('.md'));

/** The commands of a page's shell blocks, one a line, without what a comment says about them. */
const commandsOf = (page: string) =>
  fencedBlocks(page, 'sh')
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/\s+#\s.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** Words of a command line, quoted ones without their quotes. */
const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => (match[1] ?? match[2] ?? match[3])!);

/** What follows `perennial` in a line, up to what the shell does with it. */
function perennialOf(command: string): string[] | undefined {
  const found = /(?:^|\| |\s)(?:npx )?perennial (.*)$/.exec(command);
  if (found === null || /^(?:git|echo|docker|cd) /.test(command)) return undefined;
  const words = wordsOf(found[1]!);
  const end = words.findIndex((word) => /^[|>&;]/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

describe('every page', () => {
  const textOf = (page: string) => readFileSync(projectFile(page), 'utf8');

  test('links to files that exist', () => {
    for (const page of pages) {
      const text = textOf(page).replaceAll(/^```.*?^```$/gms, '');
      const broken = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((link) => !/^(?:https?|mailto):/.test(link))
        .filter((link) => !existsSync(projectFile(normalize(join(dirname(page), link)))));
      expect(broken, page).toEqual([]);
    }
  });

  test('names files of the project that exist', () => {
    const named = /`((?:src|test|scripts|docs|scoring|schema|proto|bench)\/[\w./-]+)`/g;
    for (const page of pages) {
      const missing = [...textOf(page).matchAll(named)]
        .map((match) => match[1]!)
        .filter((file) => !file.includes('NNNN') && !existsSync(projectFile(file)));
      expect(missing, page).toEqual([]);
    }
  });

  test('gives commands and flags that there are', async () => {
    let checked = 0;
    for (const page of pages) {
      for (const command of commandsOf(page)) {
        const words = perennialOf(command);
        if (words === undefined) continue;
        const path: string[] = [];
        let help = (await runCli(['--help'])).stdout;
        for (const word of words) {
          if (!new RegExp(`^  ${word.replaceAll(/[^\w-]/g, '\\$&')}(?: |$)`, 'm').test(commandsIn(help)))
            break;
          path.push(word);
          help = (await runCli([...path, '--help'])).stdout;
        }
        expect(path, `${page}: ${command}`).not.toEqual([]);
        checked++;
        for (const flag of words.filter((word) => /^--[a-z]/.test(word)))
          expect(help, `${page}: ${command}`).toMatch(new RegExp(`${flag.split('=')[0]}\\b`));
      }
    }
    expect(checked).toBeGreaterThan(15);
  });

  test('sets variables that Perennial reads', () => {
    for (const page of pages) {
      for (const command of commandsOf(page)) {
        if (perennialOf(command) === undefined) continue;
        const set = [...command.matchAll(/(?:^|\s)([A-Z][A-Z_]+)=/g)].map((match) => match[1]!);
        for (const name of set) expect(Object.keys(SETTINGS), `${page}: ${command}`).toContain(name);
      }
    }
  });

  test('names scripts that package.json has', () => {
    const { scripts } = JSON.parse(textOf('package.json'));
    for (const page of pages) {
      const named = [...textOf(page).matchAll(/npm (?:run ([\w:]+)|(test|start)\b)/g)];
      for (const [text, run, short] of named)
        expect(scripts, `${page}: ${text}`).toHaveProperty([run ?? short!]);
    }
  });
});

/** The lines of a help text that list commands, whatever the group. */
function commandsIn(help: string): string {
  return help.replaceAll(/^(?! {2}[a-z]).*\n/gm, '').replaceAll(/^ {2}perennial .*\n/gm, '');
}

/** When the simulated business ends. */
const NOW = Date.UTC(2026, 0, 1);

/** What README.md and CONTRIBUTING.md tell people to type. */
describe('README.md and CONTRIBUTING.md', () => {
  const commands = ['README.md', 'CONTRIBUTING.md'].flatMap(commandsOf);
  let folder: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-readme-'));
    env = { PERENNIAL_DATA: join(folder, 'data'), PERENNIAL_LOG_LEVEL: 'error' };
    // In place of the demo's data, which the commands below it speak of.
    const simulated = join(folder, 'demo');
    await ok(['simulate', '--accounts', '60', '--out', simulated]);
    const files = ['subscriptions', 'signals', 'outcomes'].map((name) => join(simulated, `${name}.ndjson`));
    await ok(['ingest', ...files]);
    await ok(['score', '--all']);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function ok(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runCli(args, env, () => NOW);
    expect(code, `${args.join(' ')}\n${stderr}`).toBe(EXIT.ok);
    return stdout;
  }

  test('the commands of perennial work one after another and print something', async () => {
    const run = commands.flatMap((command) => {
      const words = perennialOf(command);
      return words === undefined ? [] : [words];
    });
    expect(run.length).toBeGreaterThan(8);
    for (const words of run) {
      // What the page writes beside itself goes into the temporary folder.
      const args = words.map((word) => (/^\.\/(?:simulated|trial)/.test(word) ? join(folder, word) : word));
      expect(await ok(args), args.join(' ')).not.toBe('');
    }
  }, 120_000);

  test('.ci/run runs the two commands and the build', () => {
    const script = readFileSync(projectFile('.ci/run'), 'utf8');
    const npm = commands.filter((command) => command.startsWith('npm '));
    expect(npm).toEqual(['npm run demo', 'npm test', 'npm run build', 'npm test', 'npm run test:long']);
    // npm run build is scripts/prepare.mjs and nothing else.
    for (const command of ['npm run demo', 'npm test', 'node scripts/prepare.mjs'])
      expect(script).toContain(command);
  });

  const contract = Object.values(client).filter(
    (value): value is DescService & typeof value =>
      typeof value === 'object' && 'kind' in value && value.kind === 'service',
  );

  test('calls over gRPC name methods and fields of the contracts', () => {
    const calls = commands.filter((command) => command.startsWith('grpcurl ') && command.includes(' -d '));
    expect(calls.length).toBeGreaterThan(1);
    for (const call of calls) {
      const words = wordsOf(call);
      const [, service, method] = /^perennial\.v1\.(\w+)\/(\w+)$/.exec(words.at(-1)!)!;
      const rpc = contract
        .find(({ typeName }) => typeName === `perennial.v1.${service}`)
        ?.methods.find(({ name }) => name === method);
      expect(rpc, call).toBeDefined();
      const request = JSON.parse(words[words.indexOf('-d') + 1]!) as JsonValue;
      expect(() => fromJson(rpc!.input, request), call).not.toThrow();
    }
  });

  test('nothing else is to be typed that no test knows of', () => {
    const known = [
      /^npm /,
      /^npx perennial /,
      /^grpcurl -plaintext /,
      /^docker compose up /,
      /^echo "CLICKHOUSE_PASSWORD=/,
    ];
    expect(commands.filter((command) => !known.some((pattern) => pattern.test(command)))).toEqual([]);
  });
});
