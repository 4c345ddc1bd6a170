import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrival, type Retraction, settleVersions, type Version } from '../../src/signals/versions.js';

type Text = Arrival<string>;

function arrival(value: string, at: number, more: Partial<Text> = {}): Text {
  return {
    value,
    content: value.charCodeAt(0),
    origin: { topic: 'file', partition: -1, offset: at },
    receivedAt: at,
    arrivedAt: at,
    load: '',
    ...more,
  };
}

/** The rows as the store keeps them: of one version that with the earliest end, else that which is known the longest. */
class Stored {
  readonly #rows = new Map<string, Version<string>>();

  get versions(): Version<string>[] {
    return [...this.#rows.values()];
  }

  take(arrivals: readonly Text[], retractions: readonly Retraction[] = []) {
    const { changed, fates } = settleVersions(this.versions, arrivals, retractions);
    for (const version of changed) {
      const key = `${version.content} ${version.again}`;
      const known = this.#rows.get(key);
      if (known === undefined || wins(version, known)) this.#rows.set(key, version);
    }
    return fates;
  }

  /** What a question as of what was known at a time sees. */
  at(time: number): string[] {
    return this.versions
      .filter(({ receivedAt, until }) => receivedAt <= time && (until === null || until > time))
      .map(({ value }) => value);
  }
}

function wins(one: Version<string>, known: Version<string>): boolean {
  if (one.until === null && known.until === null) return one.receivedAt <= known.receivedAt;
  return (one.until ?? Number.POSITIVE_INFINITY) <= (known.until ?? Number.POSITIVE_INFINITY);
}

describe('versions of one record', () => {
  test('of equal contents the first arrival is kept, of different ones the later holds', () => {
    const stored = new Stored();
    expect(stored.take([arrival('A', 1)])).toEqual(['new']);
    expect(stored.take([arrival('A', 2)])).toEqual(['same']);
    expect(stored.take([arrival('B', 3)])).toEqual(['corrected']);
    expect(stored.take([arrival('A', 4)])).toEqual(['corrected']);
    expect([0, 1, 2, 3, 4].map((time) => stored.at(time))).toEqual([[], ['A'], ['A'], ['B'], ['A']]);
  });

  test('contents that turn out to have arrived earlier are a repeat, known since then', () => {
    const stored = new Stored();
    stored.take([arrival('A', 5)]);
    expect(stored.take([arrival('A', 2)])).toEqual(['same']);
    expect([1, 2].map((time) => stored.at(time))).toEqual([[], ['A']]);
  });

  test('several in one batch are taken in their order', () => {
    const stored = new Stored();
    const fates = stored.take([arrival('A', 1), arrival('B', 1), arrival('B', 1), arrival('A', 1)]);
    expect(fates).toEqual(['new', 'corrected', 'same', 'corrected']);
    expect(stored.at(1)).toEqual(['A']);
  });

  test('an arrival that comes late takes its place in time, and does not displace what came after it', () => {
    const stored = new Stored();
    stored.take([arrival('A', 1)]);
    stored.take([arrival('C', 5)]);
    expect(stored.take([arrival('B', 3)])).toEqual(['corrected']);
    expect([1, 3, 5].map((time) => stored.at(time))).toEqual([['A'], ['B'], ['C']]);
  });

  test('within a partition the offset decides, whatever the clocks of the producers say', () => {
    const kafka = (value: string, offset: number, at: number) =>
      arrival(value, at, { origin: { topic: 't', partition: 0, offset } });
    const stored = new Stored();
    stored.take([kafka('A', 10, 100)]);
    stored.take([kafka('B', 11, 50)]);
    expect(stored.at(100)).toEqual(['B']);
    expect(stored.take([kafka('A', 10, 100), kafka('B', 11, 50)])).toEqual(['same', 'same']);
    expect(stored.at(200)).toEqual(['B']);
  });

  test('what was retracted stays out when it arrives again, and comes in with other contents', () => {
    const stored = new Stored();
    stored.take([arrival('A', 1)]);
    stored.take([], [{ id: 'r', at: 5 }]);
    expect(stored.take([arrival('A', 6)], [{ id: 'r', at: 5 }])).toEqual(['retracted']);
    expect(stored.at(7)).toEqual([]);
    expect(stored.take([arrival('B', 8)], [{ id: 'r', at: 5 }])).toEqual(['corrected']);
    expect([4, 5, 8].map((time) => stored.at(time))).toEqual([['A'], [], ['B']]);
  });

  test('a retraction that is a message concerns what stands before it in its partition', () => {
    const kafka = (value: string, offset: number) =>
      arrival(value, 1, { origin: { topic: 't', partition: 0, offset } });
    const retraction = { id: 'r', at: 1, origin: { topic: 't', partition: 0, offset: 11 } };
    for (const batches of [[['A', 'B']], [['A'], ['B']]]) {
      const stored = new Stored();
      for (const batch of batches)
        stored.take(
          batch.map((value) => kafka(value, value === 'A' ? 10 : 12)),
          [retraction],
        );
      expect(stored.at(1)).toEqual(['B']);
    }
  });

  test('what arrived before its retraction, and is read after it, stays out', () => {
    const stored = new Stored();
    expect(stored.take([arrival('A', 4)], [{ id: 'r', at: 5 }])).toEqual(['retracted']);
    expect([4, 5].map((time) => stored.at(time))).toEqual([['A'], []]);
    expect(stored.take([arrival('A', 9)], [{ id: 'r', at: 5 }])).toEqual(['retracted']);
  });

  test('what was withdrawn with its load comes in when it arrives again', () => {
    const stored = new Stored();
    stored.take([arrival('A', 1, { load: 'l1' })]);
    const [held] = stored.versions;
    const withdrawn: Version<string> = { ...held!, until: 4, ended: 'withdrawn', endedBy: 'l2' };
    const { fates, changed } = settleVersions([withdrawn], [arrival('A', 6, { load: 'l3' })]);
    expect(fates).toEqual(['new']);
    expect(changed).toMatchObject([{ again: 6, receivedAt: 6, until: null, load: 'l3' }]);
  });

  test('an import that counts records as received in the past corrects what came before it, from then on', () => {
    const stored = new Stored();
    stored.take([arrival('A', 1, { arrivedAt: 100 })]);
    expect(stored.take([arrival('B', 1, { arrivedAt: 200 })])).toEqual(['corrected']);
    expect(stored.at(1)).toEqual(['B']);
  });
});

/** A step of a history: contents that arrive, or a retraction, at times that differ. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('A', 'B', 'C') },
  { weight: 1, arbitrary: fc.constant('-') },
);

/** What holds after each time: the model that the versions must agree with. */
function model(steps: readonly string[], time: number): string[] {
  let holds: string | undefined;
  let out = new Set<string>();
  const seen = new Set<string>();
  for (const [at, what] of steps.entries()) {
    if (at > time) break;
    if (what === '-') {
      holds = undefined;
      out = new Set(seen);
    } else if (holds !== undefined || !out.has(what)) {
      holds = what;
      out = new Set();
      seen.add(what);
    }
  }
  return holds === undefined ? [] : [holds];
}

describe('whatever the order and the batches in which arrivals are read', () => {
  const retractionsOf = (steps: readonly string[], upTo: number) =>
    steps.flatMap((what, at) => (what === '-' && at <= upTo ? [{ id: `r${at}`, at }] : []));

  test('in order: what held at each time is what a model says, repeats and restarts included', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.infiniteStream(fc.nat(3)), (steps, jumps) => {
        const stored = new Stored();
        let from = 0;
        while (from < steps.length) {
          const [jump] = jumps.take(1);
          const to = Math.min(steps.length, from + 1 + jump!);
          const batch = steps
            .slice(from, to)
            .flatMap((what, i) => (what === '-' ? [] : [arrival(what, from + i)]));
          stored.take(batch, retractionsOf(steps, to - 1));
          // A crash: some of what was read is read again.
          const [back] = jumps.take(1);
          from = back === 3 ? Math.max(0, to - 2) : to;
          if (from < to) jumps.take(1);
          if (back === 3) {
            const again = steps
              .slice(from, to)
              .flatMap((what, i) => (what === '-' ? [] : [arrival(what, from + i)]));
            stored.take(again, retractionsOf(steps, to - 1));
            from = to;
          }
        }
        for (let time = 0; time < steps.length; time++) expect(stored.at(time)).toEqual(model(steps, time));
      }),
      { numRuns: 500 },
    );
  });

  test('in any order: what held at each time is the same', () => {
    // Contents that come back are left out: that they were repeated in between is not stored.
    const letters = fc
      .uniqueArray(fc.constantFrom(...'ABCDEF'), { minLength: 1 })
      .chain((all) =>
        fc.tuple(...all.map((letter) => fc.integer({ min: 1, max: 2 }).map((n) => letter.repeat(n)))),
      )
      .map((runs) => [...runs.join('')]);
    fc.assert(
      fc.property(
        letters.chain((steps) =>
          fc.tuple(
            fc.constant(steps),
            fc.shuffledSubarray(
              steps.map((_, i) => i),
              { minLength: steps.length },
            ),
            fc.array(fc.boolean(), { minLength: steps.length, maxLength: steps.length }),
          ),
        ),
        ([steps, order, cuts]) => {
          const stored = new Stored();
          let batch: Text[] = [];
          for (const [i, at] of order.entries()) {
            batch.push(arrival(steps[at]!, at));
            if (!cuts[i]) continue;
            stored.take(batch);
            batch = [];
          }
          stored.take(batch);
          for (let time = 0; time < steps.length; time++) expect(stored.at(time)).toEqual(model(steps, time));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
