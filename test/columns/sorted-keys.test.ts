import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sortedKeys } from '../../src/columns/sorted-keys.js';

it('names are in the order that a sort gives them, few or many', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.nat(), { maxKeys: 20 }), (of) => {
      expect(sortedKeys(of)).toEqual(Object.keys(of).sort());
    }),
  );
});
