import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { undoneVersions } from '../../src/signals/undone-versions.js';
import { type Repeat, type Retraction, settleVersions, type Version } from '../../src/signals/versions.js';
import { RecordModel } from './record-model.js';

/** The rows of one record as the store keeps them: of one version that with the earliest end, else that which was written last. */
class Stored {
  readonly #rows = new Map<string, Version<number>>();
  readonly #repeats: Repeat[] = [];
  readonly #retractions: Retraction[] = [];

  get versions(): Version<number>[] {
    return [...this.#rows.values()];
  }

  arrive(value: number, load: string, at: number): void {
    const origin = { topic: load === '' ? 'k' : 'f.csv', partition: load === '' ? 0 : -1, offset: at };
    const arrival = { value, content: value, origin, receivedAt: at, arrivedAt: at, load };
    const { changed, repeats } = settleVersions(this.versions, [arrival], this.#retractions);
    this.#write(changed);
    this.#repeats.push(...repeats);
  }

  retract(at: number): void {
    this.#retractions.push({ id: `r${at}`, at });
    this.#write(settleVersions(this.versions, [], this.#retractions).changed);
  }

  undo(load: string, undone: ReadonlySet<string>, at: number): void {
    const { versions } = this;
    this.#write(undoneVersions({ versions, repeats: this.#repeats }, load, undone, at).changed);
  }

  at(time: number): number[] {
    return this.versions
      .filter(({ receivedAt, until }) => receivedAt <= time && (until === null || until > time))
      .map(({ value }) => value);
  }

  #write(changed: readonly Version<number>[]): void {
    for (const version of changed) {
      const key = `${version.content} ${version.again}`;
      const known = this.#rows.get(key);
      const ends = known?.until ?? null;
      if (ends === null || (version.until !== null && version.until <= ends)) this.#rows.set(key, version);
    }
  }
}

const LOADS = ['l1', 'l2', 'l3'];
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ load: fc.constantFrom('', ...LOADS), value: fc.constantFrom(1, 2, 3) }),
  },
  { weight: 1, arbitrary: fc.constant('retract' as const) },
  { weight: 3, arbitrary: fc.record({ undo: fc.constantFrom(...LOADS) }) },
);

test('whatever loads and messages say at once, and whichever loads are undone: what held at each time is what a model says', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const stored = new Stored();
      const model = new RecordModel();
      const undone = new Set<string>();
      const expected: (number | null)[] = [];
      for (const [i, one] of steps.entries()) {
        const at = 10 * (i + 1);
        if (one === 'retract') {
          stored.retract(at);
          model.retract();
        } else if ('undo' in one) {
          if (!undone.has(one.undo)) {
            undone.add(one.undo);
            stored.undo(one.undo, undone, at);
          }
        } else if (!undone.has(one.load) && !model.isOpen(one.value, undone)) {
          stored.arrive(one.value, one.load, at);
          model.arrive(one.value, one.load, undone);
        }
        expected.push(model.held(undone));
      }
      for (const [i, held] of expected.entries())
        expect(stored.at(10 * (i + 1) + 9)).toEqual(held === null ? [] : [held]);
    }),
    { numRuns: 2_000 },
  );
});

test('what was out before a load brought other contents is out again once that load is undone', () => {
  const stored = new Stored();
  stored.arrive(1, '', 10);
  stored.retract(20);
  stored.arrive(2, 'l1', 30);
  stored.undo('l1', new Set(['l1']), 40);
  stored.arrive(1, '', 50);
  expect([15, 25, 35, 45, 55].map((time) => stored.at(time))).toEqual([[1], [], [2], [], []]);
});
