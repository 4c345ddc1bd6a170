import type { Problem } from '../core/problem.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';
import type { FileContents } from './read-rule-files.js';

/** Offers and discounts that can't be what was meant, though each number by itself is allowed. */
export function checkOffers({ offers, rules, guardrails }: FileContents): Problem[] {
  return [
    ...offers.flatMap(({ value, file, path }) => [
      ...likeAShare(value.discount_pct, file, [...path, 'discount_pct']),
      ...givesNothing(value, file, path),
    ]),
    ...rules.flatMap(({ rule: { event }, file, rulePath }) =>
      event.type === 'offer'
        ? likeAShare(event.params.discount_pct, file, [...rulePath, 'event', 'params', 'discount_pct'])
        : [],
    ),
    ...guardrails.flatMap(({ value, file, path }) => {
      if (value.kind === 'discount_cap') return likeAShare(value.max_pct, file, [...path, 'max_pct']);
      if (value.kind === 'discount_approval') return likeAShare(value.over_pct, file, [...path, 'over_pct']);
      return [];
    }),
  ];
}

/** 0.15 where 15 per cent were meant. */
function likeAShare(value: number | undefined, file: YamlFile, path: readonly PropertyKey[]): Problem[] {
  if (value === undefined || value <= 0 || value >= 1) return [];
  const meant = Number((value * 100).toPrecision(12));
  const message = `This is ${value} of one per cent: ${value} % of 1,000 are ${Number((value * 10).toPrecision(12))}. Per cent go from 0 to 100.`;
  return [
    problemAt(file, path, 'share-as-percent', message, { severity: 'warning', suggestion: `write ${meant}` }),
  ];
}

/** An offer that says by its kind that it gives something, and gives nothing. */
function givesNothing(
  { name, kind, discount_pct, credit_minor }: FileContents['offers'][number]['value'],
  file: YamlFile,
  path: readonly PropertyKey[],
): Problem[] {
  const missing =
    kind === 'discount' && discount_pct === 0
      ? 'discount_pct'
      : kind === 'credit' && credit_minor === 0
        ? 'credit_minor'
        : undefined;
  if (missing === undefined) return [];
  const message = `The offer \`${name}\` is a ${kind} and gives none: \`${missing}\` is missing or 0.`;
  return [problemAt(file, path, 'gives-nothing', message, { severity: 'warning' })];
}
