import type { Problem } from '../core/problem.js';

/** Keys that json-rules-engine or YAML once knew: their authors need the reason, not a guess at the spelling. */
const REFUSED_KEYS: ReadonlyMap<string, string> = new Map([
  ['path', 'Facts are plain values here, so there is nothing for `path` to look into. Name the fact itself.'],
  ['params', 'Facts here take no parameters. Name the fact itself.'],
  ['<<', 'Merging is not part of YAML any more. Give what is shared a name under `conditions:`.'],
  ['onSuccess', 'Rules are data here; what happens when one fires is decided by its event.'],
  ['onFailure', 'Rules are data here; what happens when one fires is decided by its event.'],
]);

/** The problem of an unknown key with the reason why it is refused, where there is one. */
export function withReason(problem: Problem): Problem {
  if (problem.code !== 'unknown-key') return problem;
  const key = /^`(.*)` is not known here\.$/.exec(problem.message)?.[1];
  const reason = key === undefined ? undefined : REFUSED_KEYS.get(key);
  if (reason === undefined) return problem;
  const { suggestion: _, ...rest } = problem;
  return { ...rest, code: 'not-supported', message: `\`${key}\` is not supported. ${reason}` };
}
