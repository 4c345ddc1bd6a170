import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pagesOfNamed } from '../../src/features/named-accounts.js';

// Bug: the ids of a batch travelled in one URL, which a server refuses past a mebibyte, however often it was tried again.
it('named accounts come in pages that fit into a URL, each account once and in order', () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(id, { maxLength: 40 }), fc.integer({ min: 1, max: 900 }), (some, times) => {
      const accounts = Array.from({ length: times }, (_, i) => some.map((name) => `${name}-${i}`)).flat();
      const pages = [...pagesOfNamed(accounts)];
      expect(pages.flatMap((page) => page.accounts)).toEqual(accounts);
      for (const page of pages) {
        expect(page.accounts.length).toBeGreaterThan(0);
        expect(page.accounts.length).toBeLessThanOrEqual(5_000);
        if (page.accounts.length > 1)
          expect(Buffer.byteLength(page.accounts.join(''))).toBeLessThanOrEqual(262_144);
      }
    }),
    { numRuns: 30 },
  );
});
