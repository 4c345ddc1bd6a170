import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { type JustStored, LatestRisks } from '../../src/engine/latest-risks.js';
import type { StoredRisk } from '../../src/store/risk-state.js';

/** A store whose reads end when the test says so, each with what was stored when it looked. */
function slowStore() {
  let version = 0;
  const pending: (() => void)[] = [];
  let reads = 0;
  return {
    get reads() {
      return reads;
    },
    get version() {
      return version;
    },
    score: () => ++version,
    read: (subscriptionId: string) => {
      reads++;
      const seen = risk(subscriptionId, version);
      return new Promise<StoredRisk | undefined>((resolve) => pending.push(() => resolve(seen)));
    },
    /** Lets the read that began first, or the one at an index, come back. */
    answer(index = 0) {
      pending.splice(index % Math.max(1, pending.length), 1)[0]?.();
    },
    get waiting() {
      return pending.length;
    },
  };
}

function risk(subscriptionId: string, version: number): StoredRisk {
  return { subscriptionId, risk: version, asOf: version } as StoredRisk;
}

/** That a version has just been stored, as a pass tells it. */
function stored(subscriptionId: string, version: number): readonly JustStored[] {
  return [{ subscriptionId, asOf: version, risk: () => risk(subscriptionId, version) }];
}

describe('LatestRisks', () => {
  it('reads once for many who ask at the same time, and not again while it remembers', async () => {
    const store = slowStore();
    const latest = new LatestRisks(store.read);
    const asked = [latest.get('a'), latest.get('a'), latest.get('a')];
    store.answer();
    const [first, second] = await Promise.all(asked);
    expect(second).toBe(first);
    expect(await latest.get('a')).toBe(first);
    expect(latest.known('a')).toBe(first);
    expect(store.reads).toBe(1);
  });

  it('never gives the older risk to who asks after a score, though a read of it is still under way', async () => {
    const store = slowStore();
    const latest = new LatestRisks(store.read);
    const before = latest.get('a');
    store.score();
    latest.stored(stored('a', store.version));
    const after = latest.get('a');
    // The newer read comes back first, then the older one: it must not overwrite.
    store.answer(1);
    expect((await after)?.risk).toBe(1);
    store.answer();
    expect((await before)?.risk).toBe(0);
    expect((await latest.get('a'))?.risk).toBe(1);
  });

  it('holds that for any interleaving of questions, scores and answers', async () => {
    const step = fc.constantFrom('ask' as const, 'score' as const, 'answer' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.nat(5)), { maxLength: 40 }), async (steps) => {
        const store = slowStore();
        const latest = new LatestRisks(store.read);
        const checks: Promise<void>[] = [];
        for (const [what, index] of steps) {
          if (what === 'score') {
            store.score();
            latest.stored(stored('a', store.version));
          } else if (what === 'answer') {
            store.answer(index);
            await new Promise(setImmediate);
          } else {
            const least = store.version;
            checks.push(latest.get('a').then((answer) => expect(answer!.risk).toBeGreaterThanOrEqual(least)));
          }
        }
        while (store.waiting > 0) store.answer();
        await Promise.all(checks);
      }),
    );
  });

  it('takes over what was stored of a subscription it holds, without reading it back', async () => {
    const store = slowStore();
    const latest = new LatestRisks(store.read);
    const first = latest.get('a');
    store.answer();
    await first;
    latest.stored(stored('a', store.score()));
    expect(latest.known('a')?.risk).toBe(1);
    expect(store.reads).toBe(1);
  });

  it('keeps the latest when one as of an earlier time is stored', async () => {
    const latest = new LatestRisks(async (id) => risk(id, 5));
    await latest.get('a');
    latest.stored(stored('a', 4));
    expect((await latest.get('a'))?.risk).toBe(5);
  });

  it('holds what a caller is about to ask for, and puts it over nothing that it knows', async () => {
    const store = slowStore();
    const latest = new LatestRisks(store.read);
    latest.hold(stored('a', 3));
    latest.hold(stored('a', 2));
    expect((await latest.get('a'))?.risk).toBe(3);
    expect(store.reads).toBe(0);
  });

  it('remembers for a moment that there is nothing, and not once there is', async () => {
    let reads = 0;
    let there: StoredRisk | undefined;
    const latest = new LatestRisks(async () => {
      reads++;
      return there;
    });
    for (let i = 0; i < 5; i++) expect(await latest.get('a')).toBeUndefined();
    expect(reads).toBe(1);
    there = risk('a', 1);
    latest.stored(stored('a', 1));
    expect((await latest.get('a'))?.risk).toBe(1);
  });

  it('answers what it knows while the store is away, says since when, and is current again by itself', async () => {
    let away = false;
    let version = 0;
    let now = 1_000;
    const read = async (id: string) => {
      if (away) throw new PerennialError('unavailable', 'away');
      return risk(id, version);
    };
    const latest = new LatestRisks(read, { ttlMs: 1, clock: () => now });
    await latest.get('a');
    away = true;
    now = 9_000;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await latest.get('a'))?.risk).toBe(0);
    expect(latest.staleSince).toBe(1_000);
    await expect(latest.get('b')).rejects.toMatchObject({ code: 'unavailable' });
    away = false;
    version = 1;
    expect((await latest.get('a'))?.risk).toBe(1);
    expect(latest.staleSince).toBeUndefined();
  });

  it('does not remember a failure', async () => {
    let failing = true;
    const latest = new LatestRisks(async () => {
      if (failing) throw new Error('down');
      return risk('a', 1);
    });
    await expect(latest.get('a')).rejects.toThrow('down');
    failing = false;
    expect((await latest.get('a'))?.risk).toBe(1);
  });

  it('sees what another process stored once its time is over', async () => {
    let version = 0;
    const latest = new LatestRisks(async (id) => risk(id, version), { ttlMs: 20 });
    expect((await latest.get('a'))?.risk).toBe(0);
    version = 1;
    await expect.poll(async () => (await latest.get('a'))?.risk).toBe(1);
  });

  it('holds no more than it may', async () => {
    let reads = 0;
    const latest = new LatestRisks(
      async (id) => {
        reads++;
        return risk(id, 0);
      },
      { entries: 2 },
    );
    for (const id of ['a', 'b', 'c', 'c', 'a']) await latest.get(id);
    expect(reads).toBe(4);
  });
});
