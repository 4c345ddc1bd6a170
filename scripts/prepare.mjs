// Makes a clone ready to run: installs dependencies, generates the gRPC code and builds, each only when
// something it depends on has changed. Imports nothing that has to be installed first.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

/** A hash of the names and bytes of the given files and folders. */
function fingerprint(...paths) {
  const hash = createHash('sha256').update(process.version.split('.')[0]);
  const add = (path) => {
    for (const entry of readdirSync(at(path), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const child = join(path, entry.name);
      if (child === join('src', 'gen')) continue;
      if (entry.isDirectory()) add(child);
      else hash.update(child).update(readFileSync(at(child)));
    }
  };
  for (const path of paths) {
    if (path.includes('.')) hash.update(path).update(readFileSync(at(path)));
    else add(path);
  }
  return hash.digest('hex');
}

/** Runs a step unless its stamp says that it already ran for these inputs. */
function step(name, stampFile, inputs, output, run) {
  const stamp = at(stampFile);
  const wanted = fingerprint(...inputs);
  if (existsSync(at(output)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write(`${name}…\n`);
  const started = performance.now();
  run();
  mkdirSync(join(stamp, '..'), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

function command(file, ...args) {
  const done = spawnSync(file, args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (done.status === 0) return;
  process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}\n`);
  process.stderr.write(`Failed: ${[file, ...args].join(' ')}\n`);
  process.exit(1);
}

const node = (script, ...args) => command(process.execPath, at('node_modules', script), ...args);

// Not `npm ci`: it refuses a lock file made where the prebuilt packages of other platforms could not be had.
step(
  'Installing dependencies',
  'node_modules/.perennial-stamp',
  ['package.json', 'package-lock.json'],
  'node_modules',
  () =>
    command('npm', 'install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'),
);
step(
  'Generating gRPC code',
  'node_modules/.perennial-generated',
  [
    'package-lock.json',
    'buf.yaml',
    'buf.gen.yaml',
    'buf.gen.wire.yaml',
    'proto',
    'scripts/protoc-gen-descriptors.mjs',
  ],
  'src/gen',
  () => {
    node('@bufbuild/buf/bin/buf', 'generate');
    node('@bufbuild/buf/bin/buf', 'generate', '--template', 'buf.gen.wire.yaml');
  },
);
step(
  'Building',
  'dist/.perennial-stamp',
  ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'src', 'proto'],
  'dist',
  () => {
    rmSync(at('dist'), { recursive: true, force: true });
    node('typescript/bin/tsc', '-p', 'tsconfig.build.json');
    for (const folder of ['migrations', 'views'])
      cpSync(at(`src/store/${folder}`), at(`dist/store/${folder}`), { recursive: true });
  },
);
