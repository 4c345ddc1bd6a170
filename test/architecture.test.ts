import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, test } from 'vitest';
import { projectFile } from './support/project.js';

const PAGE = 'docs/architecture.md';

interface Import {
  /** Path below src/. */
  readonly from: string;
  /** Path below src/, or the name of a package. */
  readonly to: string;
  readonly isPackage: boolean;
  /** Gone when compiled. */
  readonly typeOnly: boolean;
}

const files = readdirSync(projectFile('src'), { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.startsWith('gen/'));
const text = new Map(files.map((file) => [file, readFileSync(projectFile(`src/${file}`), 'utf8')]));
const imports = files.flatMap((from): Import[] =>
  [
    ...text
      .get(from)!
      .matchAll(/^(?:import|export) (type )?(?:[^;'=()]*? from )?'([^']+)';$|import\('([^']+)'\)/gm),
  ].map(([, typeOnly, named, dynamic]) => {
    const name = (named ?? dynamic)!;
    const isPackage = !name.startsWith('.');
    const to = isPackage ? name : normalize(join(dirname(from), name)).replace(/\.js$/, '.ts');
    return { from, to, isPackage, typeOnly: typeOnly !== undefined };
  }),
);
const folderOf = (path: string) => path.split('/')[0]!;

/** Folders in the order of the page: each may use those before it. */
const folders = [...readFileSync(projectFile(PAGE), 'utf8').matchAll(/^\| `([a-z-]+)` +\| .+ \|$/gm)].map(
  (match) => match[1]!,
);

test('imports are found at all', () => {
  expect(imports).toContainEqual({
    from: 'engine/pass.ts',
    to: 'core/clock.ts',
    isPackage: false,
    typeOnly: true,
  });
  expect(imports.filter(({ isPackage }) => isPackage).map(({ to }) => to)).toContain('kafkajs');
  expect(imports.length).toBeGreaterThan(500);
});

test(`${PAGE} lists every folder once`, () => {
  expect([...folders].sort()).toEqual([...new Set(files.map(folderOf))].sort());
});

test('imports point one way: up the list of folders', () => {
  const against = imports
    .filter(({ isPackage, to }) => !isPackage && folderOf(to) !== 'gen')
    .filter(({ from, to }) => folders.indexOf(folderOf(to)) > folders.indexOf(folderOf(from)))
    .map(({ from, to }) => `${from} imports ${to}`);
  expect(against).toEqual([]);
});

test('no file needs itself, through whatever others', () => {
  const next = new Map(files.map((file) => [file, [] as string[]]));
  for (const { from, to, isPackage } of imports) if (!isPackage) next.get(from)!.push(to);
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || done.has(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});

test('what runs needs no development package', () => {
  const { dependencies } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
  const missing = imports
    .filter(({ isPackage, to, typeOnly }) => isPackage && !typeOnly && !to.startsWith('node:'))
    .map(({ to }) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(to)![0])
    .filter((name) => !(name in dependencies));
  expect([...new Set(missing)]).toEqual([]);
});

describe('the inside of kafkajs', () => {
  const inside = files.filter((file) => /'kafkajs\/|getOwnPropertySymbols/.test(text.get(file)!));

  test('is used in src/kafka/internals only', () => {
    expect(inside.length).toBeGreaterThan(2);
    expect(inside.filter((file) => !file.startsWith('kafka/internals/'))).toEqual([]);
  });

  // Another release may be built otherwise: read docs/adr/0071-inside-kafkajs.md, look at those files, then write its number here.
  test('is that of the release it was written for, which package.json and the lock file pin', () => {
    const written = '2.2.4';
    const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string };
    expect(version).toBe(written);
    for (const file of ['package.json', 'package-lock.json']) {
      const json = JSON.parse(readFileSync(projectFile(file), 'utf8'));
      expect((json.packages?.[''] ?? json).dependencies.kafkajs, file).toBe(written);
    }
  });
});

describe('the pure folders', () => {
  const PURE = ['signals', 'columns', 'features', 'scoring', 'rules', 'decisions'];
  const pure = files.filter((file) => PURE.includes(folderOf(file)));

  test('know nothing of brokers, servers and stores', () => {
    const foreign = /^(kafkajs|@grpc\/.*|@clickhouse\/.*|chdb.*|node:(net|http|https|tls|child_process))$/;
    const known = imports
      .filter(({ from, to }) => pure.includes(from) && foreign.test(to))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(known).toEqual([]);
  });

  test('are given the time and chance, and look for neither', () => {
    const reading =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\brandomUUID\b|\bprocess\.(env|hrtime)\b/;
    expect(pure.filter((file) => reading.test(text.get(file)!))).toEqual([]);
  });
});

test('one file reads the clock', () => {
  expect(files.filter((file) => /\bDate\.now\b|\bnew Date\(\)/.test(text.get(file)!))).toEqual([
    'core/clock.ts',
  ]);
});

// The embedded engine reads the standard input of its process for more rows of such a statement: `insertArrow`, or INSERT … SELECT. The
// SQL interface gives its standard input up.
test('no INSERT brings its rows with it, but for those to a server and of the SQL interface', () => {
  const bringing = files
    .filter((file) => file !== 'store/server-store.ts' && !file.startsWith('store/http-server/'))
    .filter((file) => /INSERT INTO [^`"']*\b(?:VALUES|FORMAT|FROM INFILE)\b/.test(text.get(file)!));
  expect(bringing).toEqual([]);
});
