// Runs the build of an earlier commit beside the tables of this one, as in a rolling upgrade: an old role that runs on while the store is
// migrated, old and new that write and read side by side, and the way back. Where a migration takes away what the old build uses, or has
// been changed, holds it to a clear refusal instead.
//
// Usage: node scripts/previous-version.mjs <commit>
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'perennial-previous-'));
const running = [];
const [commit] = process.argv.slice(2);
if (commit === undefined) fail('Usage: node scripts/previous-version.mjs <commit>');
try {
  const old = checkOut(join(work, 'old'));
  await examine(old);
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
}
process.exit();

/** The earlier commit, built in a folder of its own. */
function checkOut(folder) {
  mkdirSync(folder);
  const packed = spawnSync('git', ['archive', commit], { cwd: here, maxBuffer: 1 << 30 });
  if (packed.status !== 0) fail(`${packed.stderr}`);
  spawnSync('tar', ['-x', '-C', folder], { input: packed.stdout });
  if (['package.json', 'package-lock.json'].every((file) => same(join(here, file), join(folder, file))))
    linkPackages(join(here, 'node_modules'), join(folder, 'node_modules'));
  const built = spawnSync(process.execPath, ['scripts/prepare.mjs'], { cwd: folder, encoding: 'utf8' });
  if (built.status !== 0) fail(`The earlier commit does not build:\n${built.stdout}${built.stderr}`);
  return folder;
}

/** The same packages by links, and what says that they are installed: what is made of them is the folder's own. */
function linkPackages(from, to) {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (name === '.perennial-stamp') cpSync(join(from, name), join(to, name));
    else if (!name.startsWith('.perennial')) symlinkSync(join(from, name), join(to, name));
  }
}

async function examine(old) {
  const mine = migrationsOf(here);
  const theirs = migrationsOf(old);
  const added = [...mine.keys()].filter((name) => !theirs.has(name));
  const edited = [...theirs.keys()].filter(
    (name) => mine.has(name) && mine.get(name).hash !== theirs.get(name).hash,
  );
  const contracted = added.filter((name) => mine.get(name).needs !== '' && !theirs.has(mine.get(name).needs));
  say(
    `Comparing with ${commit}: ${added.length} migrations more, ${edited.length} changed, ${contracted.length} that take away`,
  );

  const url = await startStore();
  const both = { old: commandsOf(old, url), mine: commandsOf(here, url) };
  const data = join(work, 'simulated');
  both.old.ok('simulate', '--out', data, '--accounts', '20', '--days', '120', '--seed', '3');
  both.old.ok('migrate');
  both.old.ok('ingest', join(data, 'subscriptions.ndjson'), join(data, 'outcomes.ndjson'));
  both.old.ok('score', '--all');
  const role = await startRole(old, url);

  if (edited.length > 0) {
    if (hasRelease()) fail(`Migrations of a released version were changed: ${edited.join(', ')}`);
    both.mine.refused(`Migration ${edited[0]} is not the one that was applied`, 'migrate');
    say('The tables begin anew, before the first release: the new build refuses the old store, and says so.');
    return;
  }
  both.mine.ok('migrate');
  if (contracted.length > 0) {
    both.old.refused(contracted[0], 'risks');
    both.old.refused(contracted[0], 'migrate');
    say('The old build refuses the new tables, and names the migration.');
    return;
  }
  const subscriptions = () =>
    JSON.stringify(
      both.mine
        .lines('risks')
        .map(({ subscriptionId }) => subscriptionId)
        .sort(),
    );
  await ready(role, 'The old role is not ready after the migration');
  // The old build writes, the new one reads, and the other way round.
  both.old.ok('ingest', join(data, 'signals.ndjson'));
  both.old.ok('score', '--all');
  const signals = both.mine.lines('sql', 'SELECT count() AS n FROM signals', '--format', 'JSONEachRow')[0].n;
  if (Number(signals) < 1_000) fail(`The new build sees ${signals} of the signals that the old one wrote`);
  const fromOld = subscriptions();
  both.mine.ok('ingest', join(data, 'signals.ndjson'));
  both.mine.ok('score', '--all');
  const again = both.old.lines('sql', 'SELECT count() AS n FROM signals', '--format', 'JSONEachRow')[0].n;
  if (again !== signals) fail(`Read again by the new build, ${signals} signals are ${again}`);
  if (subscriptions() !== fromOld || fromOld === '[]')
    fail('Old and new have scored different subscriptions');
  if (both.old.lines('risks').length !== both.mine.lines('risks').length)
    fail('Old and new list different risks');
  await ready(role, 'The old role is not ready beside the new build');
  role.child.kill('SIGTERM');
  const [code] = await once(role.child, 'exit');
  if (code !== 0) fail(`The old role ended with ${code}`);
  await ready(
    await startRole(old, url),
    'The old role does not start on the new tables: there is no way back',
  );
  say('The old build runs beside the new tables, and starts on them.');
}

function migrationsOf(root) {
  const folder = join(root, 'src/store/migrations');
  return new Map(
    readdirSync(folder).map((file) => {
      const sql = readFileSync(join(folder, file), 'utf8');
      const hash = createHash('sha256').update(sql).digest('hex');
      return [file.replace('.sql', ''), { hash, needs: /^-- needs: (\w+)$/m.exec(sql)?.[1] ?? '' }];
    }),
  );
}

/** The new build's store, behind HTTP: old and new can both use it. */
async function startStore() {
  const args = ['clickhouse', '--data', join(work, 'data'), '--listen', '127.0.0.1:0', '--json'];
  const child = start(here, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return new URL('/previous', JSON.parse(line.toString()).url).toString();
}

async function startRole(root, url) {
  const child = start(root, ['up'], { env: environment(url), stdio: ['ignore', 'ignore', 'pipe'] });
  const role = { child, log: '' };
  for await (const line of createInterface({ input: child.stderr })) {
    role.log += `${line}\n`;
    const port = /"port":(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    role.health = `http://127.0.0.1:${port}/readyz`;
    break;
  }
  child.stderr.on('data', (text) => (role.log += text));
  child.stderr.resume();
  if (role.health === undefined) fail(`A role of ${root} did not start:\n${role.log}`);
  await ready(role, 'A role did not become ready');
  return role;
}

async function ready(role, otherwise) {
  let answer = 'nothing';
  for (let tries = 0; tries < 600; tries++) {
    const asked = await fetch(role.health).catch(() => undefined);
    if (asked?.status === 200) return;
    answer = asked === undefined ? 'no answer' : await asked.text();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  fail(`${otherwise}: ${answer}\n${role.log}`);
}

function start(root, args, options) {
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: root, ...options });
  running.push(child);
  return child;
}

function environment(url) {
  const { KAFKA_BROKERS: _, ...env } = process.env;
  return {
    ...env,
    CLICKHOUSE_URL: url,
    CLICKHOUSE_USER: 'default',
    CLICKHOUSE_PASSWORD: '',
    PERENNIAL_GRPC: '127.0.0.1:0',
    PERENNIAL_HTTP: '127.0.0.1:0',
    PERENNIAL_DATA: join(work, 'none'),
  };
}

/** The commands of one build on the store. */
function commandsOf(root, url) {
  const run = (args) =>
    spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
      cwd: root,
      encoding: 'utf8',
      env: environment(url),
      maxBuffer: 1 << 28,
    });
  const ok = (...args) => {
    say(`${root === here ? 'new' : 'old'}: perennial ${args[0]}`);
    const { status, stdout, stderr } = run(args);
    if (status !== 0)
      fail(`perennial ${args.join(' ')} of ${root} ended with ${status}:\n${stdout}${stderr}`);
    return stdout;
  };
  return {
    ok,
    lines: (command, ...args) =>
      ok(command, ...args, ...(command === 'sql' ? [] : ['--json', '--limit', '1000']))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    refused(why, ...args) {
      const { status, stderr } = run(args);
      if (status === 0 || !stderr.includes(why))
        fail(
          `perennial ${args.join(' ')} of ${root} ended with ${status}, and was to say "${why}":\n${stderr}`,
        );
    },
  };
}

function same(a, b) {
  return existsSync(b) && readFileSync(a).equals(readFileSync(b));
}

function hasRelease() {
  return spawnSync('git', ['tag', '--list', 'v*'], { cwd: here, encoding: 'utf8' }).stdout.trim() !== '';
}

function say(text) {
  process.stdout.write(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
  process.exit(1);
}
