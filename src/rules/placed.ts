import type { YamlFile } from '../core/yaml-file.js';
import type { Condition } from './condition.js';
import type { Rule } from './rule-set.js';

/** One thing that a file says, and where: so that a problem with it can be placed. */
export interface Placed<T> {
  readonly value: T;
  readonly file: YamlFile;
  readonly path: readonly PropertyKey[];
}

/** Conditions and where they stand. */
export interface PlacedCondition {
  readonly condition: Condition;
  readonly file: YamlFile;
  readonly path: readonly PropertyKey[];
}

/** A rule together with where it was read; `path` is that of its conditions. */
export interface PlacedRule extends PlacedCondition {
  readonly rule: Rule;
  readonly rulePath: readonly PropertyKey[];
}

/** Tells a place from every other place of the set. */
export function placeName({ file, path }: Pick<Placed<unknown>, 'file' | 'path'>): string {
  return [file.path, ...path].map(String).join(' ');
}
