import { totalmem } from 'node:os';

const MIB = 1_048_576;

/** Bytes of memory that this process may use: what its container allows, or else what the machine has. */
export function memoryLimit(constrained = process.constrainedMemory(), total = totalmem()): number {
  return constrained > 0 && constrained < total ? constrained : total;
}

/**
 * Of those, what the embedded engine may use over all queries together: the rest is for this process, for the engine's own code
 * and for what it has freed and not yet given back. Above that a query fails; without it the system would end the process.
 */
export function engineMemory(limit = memoryLimit()): number {
  return Math.floor(Math.max(limit / 8, Math.min(limit * 0.6, limit * 0.9 - 512 * MIB)));
}
