import { LIMITS } from '../core/limits.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Problem } from '../core/problem.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';
import { DEFAULT_CURRENCIES } from './currency-file.js';
import type { Placed } from './placed.js';
import type { FileContents } from './read-rule-files.js';
import type { FileKind } from './rule-folder.js';

/** What only shows when all files are read: names that are there twice or not at all, and things that are said twice. */
export function checkNames(contents: FileContents): Problem[] {
  const { rules, damaged, shared, offers, guardrails, experiments } = contents;
  const named = rules.map(({ rule, file, rulePath }) => ({ value: rule, file, path: rulePath }));
  return [
    ...twice('rule', named),
    ...twice('shared condition', shared, []),
    ...twice('offer', offers),
    ...twice('guardrail', guardrails),
    ...twice('experiment', experiments),
    ...tooMany(contents),
    ...rules.flatMap(({ rule, file, rulePath }) =>
      rule.event.type === 'offer'
        ? unknownOffer(contents, rule.event.params.offer, file, [...rulePath, 'event', 'params', 'offer'])
        : [],
    ),
    ...damaged.flatMap(({ offer, file, rulePath }) =>
      offer === null ? [] : unknownOffer(contents, offer, file, [...rulePath, 'event', 'params', 'offer']),
    ),
    ...largerDiscounts(contents),
    ...experiments.flatMap((experiment) => checkExperiment(contents, experiment)),
    ...budgetsWithoutRate(contents),
    ...saidTwice(contents),
    ...noneBesideSome(contents),
  ];
}

function isUnread({ unread }: FileContents, kind: FileKind): boolean {
  return unread.includes(kind);
}

/** Names are the identity of things: two of one name are ambiguous. */
function twice(
  what: string,
  things: readonly Placed<{ readonly name: string }>[],
  key: readonly PropertyKey[] = ['name'],
): Problem[] {
  const seen = new Set<string>();
  return things.flatMap(({ value: { name }, file, path }) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const message = `There are two ${what}s named \`${name}\`; names are unique in the whole set.`;
    return [problemAt(file, [...path, ...key], 'duplicate-name', message, { key: key.length === 0 })];
  });
}

function tooMany({ rules }: FileContents): Problem[] {
  const first = rules[LIMITS.rules];
  if (first === undefined) return [];
  const message = `The set has ${rules.length} rules; at most ${LIMITS.rules} are allowed.`;
  return [problemAt(first.file, first.rulePath, 'too-many-rules', message)];
}

function unknownOffer(
  contents: FileContents,
  name: string,
  file: YamlFile,
  path: readonly PropertyKey[],
): Problem[] {
  const names = contents.offers.map(({ value }) => value.name);
  if (isUnread(contents, 'offers') || names.includes(name)) return [];
  const suggestion = didYouMean(name, names);
  const more = suggestion === undefined ? {} : { suggestion };
  return [problemAt(file, path, 'unknown-offer', `There is no offer \`${name}\` in offers.yaml.`, more)];
}

function largerDiscounts({ rules, offers }: FileContents): Problem[] {
  const byName = new Map(offers.map(({ value }) => [value.name, value]));
  return rules.flatMap(({ rule: { event }, file, rulePath }) => {
    if (event.type !== 'offer' || event.params.discount_pct === undefined) return [];
    const offer = byName.get(event.params.offer);
    if (offer === undefined || event.params.discount_pct <= offer.discount_pct) return [];
    const path = [...rulePath, 'event', 'params', 'discount_pct'];
    const message = `The offer \`${offer.name}\` gives ${offer.discount_pct} %; a rule may give less, not more.`;
    return [problemAt(file, path, 'discount-too-large', message)];
  });
}

function checkExperiment(
  contents: FileContents,
  { value: { offers, arms }, file, path }: FileContents['experiments'][number],
): Problem[] {
  return [
    ...offers.flatMap((offer, i) => unknownOffer(contents, offer, file, [...path, 'offers', i])),
    ...arms.flatMap(({ offer }, i) =>
      offer === null ? [] : unknownOffer(contents, offer, file, [...path, 'arms', i, 'offer']),
    ),
    ...twice(
      'arm',
      arms.map((value, i) => ({ value, file, path: [...path, 'arms', i] })),
    ),
  ];
}

function budgetsWithoutRate(contents: FileContents): Problem[] {
  if (isUnread(contents, 'currencies')) return [];
  const { reporting, rates } = contents.currencies[0]?.value ?? DEFAULT_CURRENCIES;
  return contents.guardrails.flatMap(({ value: guardrail, file, path }) => {
    if (guardrail.kind !== 'budget' || rates.has(guardrail.currency)) return [];
    const message =
      `There is no rate for ${guardrail.currency}, so what offers cost can't be counted in it. ` +
      `Write into currencies.yaml \`reporting: ${guardrail.currency}\`, or under \`rates:\` what one ${guardrail.currency} is worth in ${reporting}.`;
    return [problemAt(file, [...path, 'currency'], 'no-rate', message)];
  });
}

/** What holds for the whole set can be said in one file only: which of two would count would depend on the names of the files. */
function saidTwice({ lives, brakes, currencies }: FileContents): Problem[] {
  const second = (what: string, said: readonly Placed<unknown>[]): Problem[] =>
    said.slice(1).map(({ file, path }) => {
      const message = `\`${what}\` is said in ${said[0]!.file.path} already, and holds for the whole set.`;
      return problemAt(file, path, 'said-twice', message, { key: true });
    });
  return [...second('lives', lives), ...second('brake', brakes), ...second('reporting', currencies)];
}

function noneBesideSome({ none, rules, damaged, guardrails }: FileContents): Problem[] {
  const number = { rules: rules.length + damaged.length, guardrails: guardrails.length };
  return none.flatMap(({ value: what, file, path }) => {
    if (number[what] === 0) return [];
    const message = `\`${what}: off\` says that the set has no ${what}, and it has ${number[what]}. Take this line away, or those.`;
    return [problemAt(file, path, 'off-beside-some', message, { key: true })];
  });
}
