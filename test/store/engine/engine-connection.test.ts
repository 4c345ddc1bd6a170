import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { EngineConnection } from '../../../src/store/engine/engine-connection.js';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, readFileSync: vi.fn(fs.readFileSync) };
});

// Bug: every call of the store has a connection, and each of them read the kernel's list of locks, which takes milliseconds.
it('who holds the directory is looked up for the first connection, not for those beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-connections-'));
  const lookedUp = () => vi.mocked(readFileSync).mock.calls.filter(([path]) => path === '/proc/locks').length;
  const first = new EngineConnection(folder);
  try {
    expect(lookedUp()).toBe(1);
    for (let i = 0; i < 3; i++) await new EngineConnection(folder).close();
    expect(lookedUp()).toBe(1);
    await first.close();
    await new EngineConnection(folder).close();
    expect(lookedUp()).toBe(2);
  } finally {
    await first.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
