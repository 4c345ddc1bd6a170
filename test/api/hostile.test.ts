import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Category, connect, type Perennial } from '../../src/client/index.js';
import { CONTINUATION, DATA, frame, HEADERS, HELLO, PING, RST, SETTINGS } from '../support/http2-frames.js';
import { projectFile } from '../support/project.js';
import { RoleProcess } from '../support/role-process.js';

/** How often each attack is made: HOSTILE_TIMES=20 for an evening. */
const TIMES = Number(process.env.HOSTILE_TIMES ?? 1);
const WAIT = { timeout: 60_000, interval: 200 };
/** What may still be held once all attackers have gone and garbage is collected. One round of bombs unpacks to twenty times that. */
const LEFT_BYTES = 64 * 1_048_576;

const folder = mkdtempSync(join(tmpdir(), 'perennial-hostile-'));
let role: RoleProcess;
let bystander: Perennial;
let target: { host: string; port: number };
let before: number;

beforeAll(async () => {
  role = new RoleProcess(['up'], {
    PERENNIAL_DATA: join(folder, 'data'),
    PERENNIAL_SCORING: projectFile('scoring'),
    PERENNIAL_RULES: projectFile('rules'),
    PERENNIAL_GRPC: '127.0.0.1:0',
    KAFKA_BROKERS: '',
    NODE_OPTIONS: `--require=${projectFile('test/support/collect-on-signal.cjs')}`,
  });
  await vi.waitFor(async () => expect(await role.health()).toMatchObject({ ok: true }), WAIT);
  const [host, port] = role.grpc!.split(':') as [string, string];
  target = { host, port: Number(port) };
  bystander = connect({ server: role.grpc!, attempts: 1, deadlineMs: 60_000 });
  await bystander.signals.ingestSignals({
    signals: [
      {
        ...{ id: '1', source: 's', category: Category.USAGE, type: 'feature_used', accountId: 'a' },
        time: timestampNow(),
      },
    ],
  });
  await vi.waitFor(ask, WAIT);
  before = await held();
}, 120_000);
afterAll(async () => {
  bystander?.close();
  role?.child.kill('SIGKILL');
  await role?.exited;
  rmSync(folder, { recursive: true, force: true });
});

const ask = () => bystander.risks.getRisk({ subject: { case: 'subscriptionId', value: 'a' } });

async function metric(name: string): Promise<number> {
  const { text } = await role.get('/metrics');
  return [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'gm'))]
    .map(([, value]) => Number(value))
    .reduce((sum, value) => sum + value, 0);
}
const held = async () => {
  role.child.kill('SIGUSR2');
  // Answered after the signal: garbage is collected by then.
  await ask();
  return (
    (await metric('perennial_nodejs_heap_size_used_bytes')) +
    (await metric('perennial_nodejs_external_memory_bytes'))
  );
};

// Whoever else asks is answered after each attack, nothing of it runs on, and what it took is given back.
afterEach(async () => {
  expect(role.child.exitCode).toBeNull();
  expect((await ask()).subscriptionId).toBe('a');
  // What this very caller gave up may still be on its way.
  await vi.waitFor(async () => expect((await bystander.risks.listRisks({})).risks).toHaveLength(1), WAIT);
  await vi.waitFor(async () => expect(await metric('perennial_grpc_in_flight')).toBe(0), WAIT);
  await vi.waitFor(async () => expect((await held()) - before).toBeLessThan(LEFT_BYTES), WAIT);
  expect(role.log.filter(({ level }) => level === 'error' || level === 'fatal' || level === 'text')).toEqual(
    [],
  );
});

/** Sends bytes on a connection of their own until the server ends it, or for so long; then leaves without a word. */
async function raw(bytes: Iterable<Uint8Array>, ms = 1_000): Promise<void> {
  const socket: Socket = connectSocket(target.port, target.host);
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  for (const part of bytes) {
    if (socket.destroyed) break;
    if (!socket.write(part))
      await new Promise<void>((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  if (!socket.closed) await Promise.race([once(socket, 'close'), patience]);
  clearTimeout(timer);
  socket.destroy();
}

/** Has a process of its own attack, and leave without a word. */
async function attack(name: string): Promise<void> {
  for (let i = 0; i < TIMES; i++) {
    const script = projectFile('test/support/attack.mjs');
    const child = spawn(process.execPath, [script, name, role.grpc!], { stdio: 'inherit' });
    await once(child, 'exit');
  }
}
const times = (count: number) => Array.from({ length: count * TIMES });

describe('the server stays up, answers others and gives memory back after', () => {
  it('connections that send garbage, or nothing', async () => {
    const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 7_919) % 256));
    await Promise.all(
      times(20).flatMap(() => [
        raw([garbage]),
        raw([Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')]),
        raw([HELLO, garbage]),
        raw([HELLO.subarray(0, 10)]),
        raw([]),
      ]),
    );
  });

  it('frames that are none of HTTP/2', async () => {
    const empty = Buffer.alloc(0);
    await Promise.all(
      times(5).flatMap(() => [
        // Longer than it may be, shorter than it says, of streams that are not open, of settings out of range, with headers that can't be read.
        raw([HELLO, frame(DATA, 0, 1, empty, 0xffffff)]),
        raw([HELLO, frame(HEADERS, 4, 1, Buffer.alloc(32, 0xff))]),
        raw([HELLO, frame(DATA, 1, 7, Buffer.from([0, 0, 0, 0, 0]))]),
        raw([HELLO, frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff]))]),
        raw([HELLO, frame(RST, 0, 0, Buffer.alloc(4))]),
        raw([HELLO, frame(HEADERS, 4, 2, empty)]),
      ]),
    );
  });

  it('floods of settings, pings and headers without an end', async () => {
    const flood = (one: Uint8Array, count: number) => {
      const block = Buffer.concat(Array.from({ length: 100 }, () => one));
      return Array.from({ length: (count * TIMES) / 100 }, () => block);
    };
    await Promise.all([
      raw([HELLO, ...flood(frame(SETTINGS, 0, 0, Buffer.alloc(0)), 20_000)]),
      raw([HELLO, ...flood(frame(PING, 0, 0, Buffer.alloc(8)), 20_000)]),
      // Literal headers, "a: b", each as a continuation of the one before.
      raw([
        HELLO,
        frame(HEADERS, 0, 1, Buffer.from([0, 1, 97, 1, 98])),
        ...flood(frame(CONTINUATION, 0, 1, Buffer.from([0, 1, 97, 1, 98])), 20_000),
      ]),
    ]);
  });

  it.each([
    ['streams that are opened and reset as fast as can be', 'resets'],
    ['messages that unpack to a hundred times what they are, or are not what they say', 'bombs'],
    ['a thousand watches on each of three connections', 'watches'],
    // Bug: one connection without credentials could have the server hold four gigabytes, for as long as it liked.
    ['requests of four megabytes that lack a byte', 'halves'],
    ['large answers of single calls that nobody reads', 'answers'],
    ['answers that nobody reads, of a caller that leaves in the middle of them', 'unread'],
  ])('%s', (_what, name) => attack(name));

  it('rule sets that take seconds to read', async () => {
    const files = { 'list.yaml': `rules: [${'1,'.repeat(150_000)}]` };
    let reading = true;
    const checked = bystander.rules.checkRules({ files, skipPresentValues: true }).finally(() => {
      reading = false;
    });
    let answered = 0;
    for (; reading; answered++) await ask();
    expect((await checked).ok).toBe(false);
    // What is read on the event loop lets one or two through before and after.
    expect(answered).toBeGreaterThan(20);
  });

  it('calls that are given up at once, a hundred at a time', async () => {
    const { risks } = bystander;
    for (const _ of times(3)) {
      const calls = Array.from({ length: 100 }, () => risks.listRisks({ pageSize: 1_000 }, { timeoutMs: 5 }));
      await Promise.allSettled(calls);
    }
  });
});
