import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ChangeFeed, type Changes } from '../../src/engine/change-feed.js';
import { silentLogger } from '../../src/telemetry/log.js';

interface Change {
  readonly id: string;
  readonly at: number;
}

function setUp(options: { quietMs?: number; differs?: (change: Change) => boolean } = {}) {
  const stored: Change[] = [];
  let reads = 0;
  let away = false;
  let now = 1_000_000;
  const feed = new ChangeFeed<Change>(
    {
      async read(from, limit, offset) {
        reads++;
        if (away) throw new Error('away');
        return stored
          .filter(({ at }) => at >= from)
          .sort((a, b) => a.at - b.at)
          .slice(offset, offset + limit);
      },
      at: ({ at }) => at,
      key: ({ id }) => id,
      ...(options.differs === undefined ? {} : { differs: options.differs }),
    },
    { clock: () => now, log: silentLogger(), lookMs: 2, quietMs: options.quietMs ?? 5_000 },
  );
  return {
    feed,
    stored,
    get reads() {
      return reads;
    },
    away(is: boolean) {
      away = is;
    },
    setClock(to: number) {
      now = to;
    },
  };
}

/** Ids as they come, until so many have. */
async function take(changes: AsyncGenerator<Changes<Change>>, count: number) {
  const ids: string[] = [];
  let cursor = 0;
  while (ids.length < count) {
    const { value } = await changes.next();
    ids.push(...value!.changes.map(({ id }: Change) => id));
    cursor = value!.cursor;
  }
  return { ids, cursor };
}

const never = new AbortController().signal;

describe('a change feed', () => {
  it('brings what is stored from now on, each once, to all who watch by one look', async () => {
    const { feed, stored } = setUp();
    stored.push({ id: 'before', at: 999_000 });
    const watches = Array.from({ length: 50 }, () => feed.watch(undefined, never));
    for (const watch of watches) expect((await watch.next()).value?.changes).toEqual([]);
    stored.push({ id: 'a', at: 1_000_001 }, { id: 'b', at: 1_000_002 });
    for (const watch of watches) expect((await take(watch, 2)).ids).toEqual(['a', 'b']);
    for (const watch of watches) await watch.return(undefined);
  });

  // Bug: for the hour that the clock was set back by, nobody heard of anything.
  it('goes on where the clock is set back', async () => {
    const { feed, stored, setClock } = setUp();
    const watch = feed.watch(undefined, never);
    await watch.next();
    stored.push({ id: 'before', at: 1_000_001 });
    expect((await take(watch, 1)).ids).toEqual(['before']);
    setClock(100_000);
    stored.push({ id: 'after', at: 100_001 });
    expect((await take(watch, 1)).ids).toEqual(['after']);
    await watch.return(undefined);
  });

  // Bug: three thousand that were opened at once all wrote their first answer before anyone else was looked at.
  it('wakes those who watch by eights, so that others have their turn between them', async () => {
    const { feed, stored } = setUp();
    let heard = 0;
    const inTurn = async (all: number) => {
      const most: number[] = [];
      for (heard = 0; heard < all; ) {
        const before = heard;
        await nextTurn();
        most.push(heard - before);
      }
      return Math.max(...most);
    };
    const watches = Array.from({ length: 200 }, () => feed.watch(undefined, never));
    const hear = (watch: AsyncGenerator<unknown>) => void watch.next().then(() => heard++);
    watches.forEach(hear);
    expect(await inTurn(200)).toBeLessThanOrEqual(16);
    watches.forEach(hear);
    stored.push({ id: 'a', at: 1_000_001 });
    expect(await inTurn(200)).toBeLessThanOrEqual(16);
    for (const watch of watches) await watch.return(undefined);
  });

  // Bug: each of them read the past for itself, and a thousand streams that were opened at once waited for minutes.
  it('begins by one look for all who come at once', async () => {
    const set = setUp();
    const watches = Array.from({ length: 1_000 }, () => set.feed.watch(undefined, never));
    await Promise.all(watches.map((watch) => watch.next()));
    // Those who are there already look again and again, all by one.
    expect(set.reads).toBe(1);
    await Promise.all(watches.map((watch) => watch.return(undefined)));
  });

  it('does not pass by what a slow writer stores with an earlier time', async () => {
    const { feed, stored } = setUp();
    const watch = feed.watch(undefined, never);
    await watch.next();
    stored.push({ id: 'late', at: 1_005_000 });
    expect((await take(watch, 1)).ids).toEqual(['late']);
    stored.push({ id: 'early', at: 1_000_500 });
    expect((await take(watch, 1)).ids).toEqual(['early']);
    await watch.return(undefined);
  });

  it('goes on where another watch ended, with what came meanwhile', async () => {
    const { feed, stored } = setUp();
    const first = feed.watch(undefined, never);
    await first.next();
    stored.push({ id: 'a', at: 1_000_001 });
    const { cursor } = await take(first, 1);
    await first.return(undefined);
    stored.push(
      { id: 'b', at: 1_000_700 },
      ...Array.from({ length: 5_000 }, (_, i) => ({ id: `c${i}`, at: 1_001_000 + i })),
    );
    const second = feed.watch(cursor, never);
    const { ids } = await take(second, 5_002);
    expect(new Set(ids).size).toBe(5_002);
    expect(ids.slice(0, 2)).toEqual(['a', 'b']);
    await second.return(undefined);
  });

  it('says from time to time that nothing happened, and asks nothing while nobody watches', async () => {
    const set = setUp({ quietMs: 10 });
    const watch = set.feed.watch(undefined, never);
    await watch.next();
    expect((await watch.next()).value).toEqual({ changes: [], cursor: 1_000_000 });
    await watch.return(undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { reads } = set;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(set.reads).toBe(reads);
  });

  it('goes on by itself after the store was away', async () => {
    const { feed, stored, away } = setUp();
    const watch = feed.watch(undefined, never);
    await watch.next();
    away(true);
    stored.push({ id: 'a', at: 1_000_001 });
    const taken = take(watch, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    away(false);
    expect((await taken).ids).toEqual(['a']);
    await watch.return(undefined);
  });

  it('ends one who reads too slowly, and no other; and one whose caller goes', async () => {
    const { feed, stored } = setUp();
    const abort = new AbortController();
    const [slow, quick, gone] = [
      feed.watch(undefined, never),
      feed.watch(undefined, never),
      feed.watch(undefined, abort.signal),
    ];
    for (const watch of [slow, quick, gone]) await watch.next();
    const ended = gone.next();
    abort.abort(new Error('gone'));
    await expect(ended).rejects.toThrow('gone');
    for (let i = 0; i < 25_000; i++) stored.push({ id: `x${i}`, at: 1_000_001 + i });
    expect((await take(quick, 25_000)).ids).toHaveLength(25_000);
    await expect(slow.next()).rejects.toMatchObject({ code: 'limit_exceeded', reason: 'READER_SLOW' });
    await quick.return(undefined);
  });

  it('leaves out what does not differ', async () => {
    const { feed, stored } = setUp({ differs: ({ id }) => !id.startsWith('same') });
    const watch = feed.watch(undefined, never);
    await watch.next();
    stored.push({ id: 'same', at: 1_000_001 }, { id: 'other', at: 1_000_002 });
    expect((await take(watch, 1)).ids).toEqual(['other']);
    await watch.return(undefined);
  });
});
