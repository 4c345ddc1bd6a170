import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { HeapWatch } from '../../src/telemetry/heap-watch.js';
import { createLogger } from '../../src/telemetry/log.js';
import { projectFile } from '../support/project.js';

const MIB = 1_048_576;

// Bug: `ingest` with a heap of 160 MiB said nothing, and was gone.
it('says once that the heap is nearly full and what to raise, and when it has room again', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line)) });
  let used = 100 * MIB;
  const watch = new HeapWatch(logger, 'INGEST_BATCH_ROWS', () => ({ used, limit: 160 * MIB }));
  for (used of [100, 130, 150, 140].map((mib) => mib * MIB)) watch.look();
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'warn',
      msg: 'The heap is nearly full; the process ends when it is',
      reason: '130 of 160 MiB are in use.',
      hint: expect.stringMatching(/--max-old-space-size.*or lower INGEST_BATCH_ROWS\.$/),
    }),
  ]);
  used = 50 * MIB;
  watch.look();
  expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'The heap has room again' });
});

// Bug: with the young generation of the roles the limit counted as larger than it is, and nothing was said.
it.each([[], ['--max-semi-space-size=64']])(
  'says it before the process ends, with %j',
  (...flags) => {
    const filling = `
    import { HeapWatch } from './dist/telemetry/heap-watch.js';
    import { createLogger } from './dist/telemetry/log.js';
    new HeapWatch(createLogger('info', process.stderr), '').start();
    const held = [];
    setInterval(() => { for (let i = 0; i < 2_000; i++) held.push({ i, text: 'x' + i }); }, 1);`;
    const args = ['--max-old-space-size=40', ...flags, '--input-type=module', '-e', filling];
    const { status, signal, stderr } = spawnSync(process.execPath, args, {
      cwd: projectFile('.'),
      encoding: 'utf8',
    });
    expect(status ?? signal).not.toBe(0);
    const told = stderr.indexOf('The heap is nearly full');
    expect(told).toBeGreaterThanOrEqual(0);
    expect(stderr.indexOf('heap out of memory')).toBeGreaterThan(told);
  },
  120_000,
);
