import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { stableId } from '../core/identity.js';
import { exp, log } from './portable-math.js';

/**
 * One stream of random numbers. Every account has streams of its own, named by (seed, account, purpose), so that what
 * happens to an account depends neither on how many others there are nor on the order they are generated in.
 */
export class Random {
  readonly #generator: RandomGenerator;
  #spareNormal: number | null = null;

  constructor(seed: number, account: number, purpose: string) {
    // 128 bits of a cryptographic hash as the state: streams of neighbouring accounts share nothing.
    const hash = stableId('simulate', seed, account, purpose);
    const words = [0, 8, 16, 24].map((at) => Number.parseInt(hash.slice(at, at + 8), 16) | 0);
    this.#generator = xoroshiro128plusFromState(words);
  }

  /** In [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number from low to high, both included. */
  int(low: number, high: number): number {
    return uniformInt(this.#generator, low, high);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Mean 0, standard deviation 1 (Marsaglia's polar method). */
  normal(): number {
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt((-2 * log(s)) / s);
      this.#spareNormal = v * factor;
      return u * factor;
    }
  }

  exponential(mean: number): number {
    return -mean * log(1 - this.uniform());
  }

  /** Half of the values lie under `median`; `sigma` is the standard deviation of the logarithm. */
  lognormal(median: number, sigma: number): number {
    return median * exp(sigma * this.normal());
  }

  /** Number of events in a unit of time at this mean, by inversion; meant for means under about 50. */
  poisson(mean: number): number {
    if (mean <= 0) return 0;
    const u = this.uniform();
    // e^-m >= 1 - m: most calls have a small mean and end here, without an exponential.
    if (u < 1 - mean) return 0;
    let probability = exp(-mean);
    let sum = probability;
    let count = 0;
    while (u >= sum && count < 1_000) {
      count += 1;
      probability *= mean / count;
      sum += probability;
    }
    return count;
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.int(0, values.length - 1)] ?? values[0];
  }

  /** One of the keys, each as likely as its weight says. Weights need not sum to 1. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    let total = 0;
    for (const key in weights) total += weights[key];
    let left = this.uniform() * total;
    let last: K | undefined;
    for (const key in weights) {
      if (weights[key] <= 0) continue;
      last = key;
      left -= weights[key];
      if (left < 0) break;
    }
    if (last === undefined) throw new RangeError('Nothing to choose from.');
    return last;
  }
}
