import type { Problem } from '../core/problem.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';
import type { FileContents } from './read-rule-files.js';

/**
 * Details and names are passed on as text, letter by letter: a version 1.10 would arrive as 1.1. So a number there has to be
 * one that is written as numbers are, or stand in quotes.
 */
export function checkDetails({ rules, offers }: FileContents): Problem[] {
  return [
    ...rules.flatMap(({ rule, file, rulePath }) => [
      ...otherwiseWritten(file, [...rulePath, 'name']),
      ...details(rule.event.params, file, [...rulePath, 'event', 'params']),
    ]),
    ...offers.flatMap(({ value, file, path }) => details(value, file, path)),
  ];
}

function details(
  of: { readonly details: Readonly<Record<string, unknown>> },
  file: YamlFile,
  path: readonly PropertyKey[],
): Problem[] {
  return Object.keys(of.details).flatMap((key) => otherwiseWritten(file, [...path, 'details', key]));
}

function otherwiseWritten(file: YamlFile, path: readonly PropertyKey[]): Problem[] {
  const value = valueAt(file, path);
  const raw = file.rawOf(path);
  if (typeof value !== 'number' || raw === undefined || raw === String(value)) return [];
  const message = `\`${raw}\` is read as the number ${value}, and would arrive so.`;
  return [problemAt(file, path, 'mangled-number', message, { suggestion: `write "${raw}"` })];
}

function valueAt({ value }: YamlFile, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null)?.[step], value);
}
