import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run test:long`. */
    thorough: boolean;
  }
}

/** Whether a test that is in both runs is to try everything (vitest.config.ts, SWEEPS). */
export const thorough = inject('thorough');
