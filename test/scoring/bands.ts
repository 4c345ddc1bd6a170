import fc from 'fast-check';

/** Borders of bands as a scorecard may have them. */
export const bands = fc
  .uniqueArray(fc.integer({ min: 6, max: 99 }), { minLength: 3, maxLength: 3 })
  .chain((borders) => {
    const [medium, high, critical] = borders.sort((a, b) => a - b) as [number, number, number];
    return fc.record({
      medium: fc.constant(medium),
      high: fc.constant(high),
      critical: fc.constant(critical),
      hysteresis: fc.integer({ min: 0, max: 5 }),
    });
  });
