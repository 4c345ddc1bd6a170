import type { Direction } from '../training-table.js';

/**
 * Which neighbours have to share a value so that the values rise (or fall), by pooling adjacent violators: where each pool
 * begins. As many pools as values: they are monotone already.
 */
export function monotonePools(
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
  direction: Direction,
): number[] {
  const sign = direction === 'rising' ? 1 : -1;
  const pools: { start: number; weight: number; mean: number }[] = [];
  for (let i = 0; i < values.length; i++) {
    let pool = { start: i, weight: Math.max(weights[i]!, 1e-9), mean: sign * values[i]! };
    for (let before = pools.at(-1); before !== undefined && before.mean > pool.mean; before = pools.at(-1)) {
      const weight = before.weight + pool.weight;
      const mean = (before.mean * before.weight + pool.mean * pool.weight) / weight;
      pool = { start: before.start, weight, mean };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.map(({ start }) => start);
}
