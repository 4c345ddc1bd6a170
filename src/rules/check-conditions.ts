import type { Fact } from '../columns/fact.js';
import { LIMITS } from '../core/limits.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import { checkComparison } from './check-comparison.js';
import { checkTexts } from './check-texts.js';
import type { Comparison, Condition } from './condition.js';
import type { PlacedCondition } from './placed.js';
import { OpenPart } from './repaired-condition.js';

/** Checks every comparison and reference of some conditions. `shared`: all that may be named, or null when not all are known. */
export function checkConditions(
  placed: PlacedCondition,
  facts: ReadonlyMap<string, Fact>,
  shared: ReadonlySet<string> | null,
): Problem[] {
  const problems: Problem[] = [];
  const visit = (condition: Condition, path: readonly PropertyKey[]): void => {
    if (condition instanceof OpenPart) return;
    for (const key of ['all', 'any'] as const) {
      condition[key]?.forEach((part, i) => {
        visit(part, [...path, key, i]);
      });
    }
    if (condition.not !== undefined) visit(condition.not, [...path, 'not']);
    if (condition.condition !== undefined && shared !== null && !shared.has(condition.condition)) {
      const suggestion = didYouMean(condition.condition, shared);
      problems.push(
        problemAt(
          placed.file,
          [...path, 'condition'],
          'unknown-condition',
          `There is no shared condition \`${condition.condition}\`.`,
          suggestion === undefined ? {} : { suggestion },
        ),
      );
    }
    if (condition.fact !== undefined) {
      problems.push(...checkTexts(condition.value, placed.file, [...path, 'value']));
      for (const fault of checkComparison(condition as Comparison, facts)) {
        problems.push(
          problemAt(placed.file, [...path, fault.at], fault.code, fault.message, {
            severity: fault.severity,
            ...(fault.suggestion === undefined ? {} : { suggestion: fault.suggestion }),
          }),
        );
      }
    }
  };
  visit(placed.condition, placed.path);
  return problems;
}

/** Shared conditions that lead back to themselves, or that grow past the limits when references are followed. */
export function checkReferences(
  shared: ReadonlyMap<string, PlacedCondition>,
  users: readonly PlacedCondition[],
): Problem[] {
  const problems: Problem[] = [];
  const sizes = new Map<string, Size>();
  const open: string[] = [];

  const sizeOfShared = (name: string): Size => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    const placed = shared.get(name);
    if (placed === undefined) return { comparisons: 1, depth: 1 };
    if (open.includes(name)) {
      const cycle = [...open.slice(open.indexOf(name)), name].join(' -> ');
      problems.push(
        problemAt(
          placed.file,
          placed.path,
          'reference-cycle',
          `The shared condition leads back to itself: ${cycle}.`,
          {
            key: true,
          },
        ),
      );
      return { comparisons: 1, depth: 1 };
    }
    if (open.length > LIMITS.fileDepth) return { comparisons: 1, depth: open.length };
    open.push(name);
    const size = sizeOf(placed.condition);
    open.pop();
    sizes.set(name, size);
    return size;
  };

  const sizeOf = (condition: Condition): Size => {
    if (condition.condition !== undefined) return deeper([sizeOfShared(condition.condition)]);
    if (condition.not !== undefined) return deeper([sizeOf(condition.not)]);
    const parts = condition.all ?? condition.any;
    return parts === undefined ? { comparisons: 1, depth: 1 } : deeper(parts.map(sizeOf));
  };

  const all: readonly (readonly [PlacedCondition, Size])[] = [
    ...[...shared].map(([name, placed]) => [placed, sizeOfShared(name)] as const),
    ...users.map((placed) => [placed, sizeOf(placed.condition)] as const),
  ];
  for (const [placed, { comparisons, depth }] of all) {
    if (comparisons > LIMITS.ruleComparisons) {
      const message = `With every shared condition written out this has ${comparisons} comparisons; at most ${LIMITS.ruleComparisons} are allowed.`;
      problems.push(problemAt(placed.file, placed.path, 'too-large', message));
    } else if (depth > LIMITS.fileDepth) {
      const message = `With every shared condition written out this nests ${depth} deep; at most ${LIMITS.fileDepth} is allowed.`;
      problems.push(problemAt(placed.file, placed.path, 'too-deep', message));
    }
  }
  return problems;
}

interface Size {
  readonly comparisons: number;
  readonly depth: number;
}

function deeper(parts: readonly Size[]): Size {
  let comparisons = 0;
  let depth = 0;
  for (const part of parts) {
    // A sum that doubles with every reference must not run past what a number holds.
    comparisons = Math.min(comparisons + part.comparisons, Number.MAX_SAFE_INTEGER);
    depth = Math.max(depth, part.depth);
  }
  return { comparisons, depth: depth + 1 };
}
