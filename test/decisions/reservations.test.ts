import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Reservation, Reservations } from '../../src/decisions/reservations.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { day, decision, RULES } from './cases.js';

const reservation = (more: Partial<Reservation> = {}): Reservation => ({
  decisionId: 'asked',
  kind: 'offer',
  owner: 'olga',
  currency: 'EUR',
  costMinor: 500,
  status: 'open',
  waitsFor: '',
  openedAt: day(1),
  ...more,
});
/** What budgets and owners see. */
const seen = ({ ledger }: Reservations) => ({
  committed: ledger.committed(RULES.currencies, 'EUR', 30, day(5)),
  load: ledger.openOfOwner('olga', ['offer']),
});

describe('what was granted', () => {
  it('counts as open until its time is over, and is forgotten where it never came', () => {
    const of = new Reservations(new Ledger());
    of.reserve(reservation(), day(2));
    expect(seen(of)).toEqual({ committed: 500, load: 1 });
    of.expire(day(2) - 1);
    expect(seen(of)).toEqual({ committed: 500, load: 1 });
    of.expire(day(2));
    expect(seen(of)).toEqual({ committed: 0, load: 0 });
    expect(of.ledger.entry('asked')).toBeUndefined();
  });

  it('stays once it has shown in the store, with what the store says', () => {
    const of = new Reservations(new Ledger());
    of.reserve(reservation(), day(2));
    of.stored(decision({ decisionId: 'asked', costMinor: 700, openedAt: day(1) }));
    of.expire(day(9));
    expect(seen(of)).toEqual({ committed: 700, load: 1 });
  });

  // Bug: what was open and asked to cost more was counted with that for ever, used or not.
  it('and not used leaves what was open already with the cost that it had', () => {
    const open = decision({ decisionId: 'asked', costMinor: 200 });
    const of = new Reservations(new Ledger([open]));
    of.reserve(reservation({ costMinor: 900 }), day(2));
    // Either may still be used.
    of.reserve(reservation({ costMinor: 800 }), day(3));
    expect(seen(of)).toEqual({ committed: 900, load: 1 });
    of.expire(day(3));
    expect(seen(of)).toEqual({ committed: 200, load: 1 });
  });

  it('leaves nothing behind, whatever was reserved, stored and given back in whatever order', () => {
    const step = fc.record({
      what: fc.constantFrom('reserve', 'stored', 'expire'),
      of: fc.constantFrom('a', 'b', 'c'),
      cost: fc.integer({ min: 0, max: 900 }),
      at: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const stored = new Map([['a', decision({ decisionId: 'a', costMinor: 100 })]]);
        const of = new Reservations(new Ledger(stored.values()));
        for (const { what, of: decisionId, cost, at } of steps) {
          if (what === 'reserve') of.reserve(reservation({ decisionId, costMinor: cost }), day(at));
          else if (what === 'expire') of.expire(day(at));
          else {
            const one = decision({ decisionId, costMinor: cost });
            stored.set(decisionId, one);
            of.stored(one);
          }
        }
        of.expire(day(100));
        expect(seen(of)).toEqual(seen(new Reservations(new Ledger(stored.values()))));
      }),
    );
  });
});
