import * as fc from 'fast-check';

/** The seed of all properties (ADR 0128). `SEED=N` names another one, `SEED=random` has the clock choose. */
const SEED = 20_261_128;

const given = process.env.SEED;
fc.configureGlobal({ seed: given === 'random' ? Date.now() % 2 ** 31 : Number(given ?? SEED) });
