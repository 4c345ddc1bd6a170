import type { Fact } from '../columns/fact.js';
import type { Condition } from './condition.js';
import { ExpressionPool } from './expression.js';
import type { Rule, RuleSet } from './rule-set.js';
import { satisfy } from './satisfy.js';
import { comparisonInWords, conditionInWords } from './words.js';

/** One thing that differs between two rule sets, in words. */
export interface Change {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly what: 'rule' | 'shared condition' | 'offer' | 'guardrail' | 'experiment' | 'setting';
  readonly name: string;
  /** What about it changed, one sentence each; for something added, what it does. */
  readonly details: readonly string[];
  /** Whether the change can make any difference to what is decided. */
  readonly matters: boolean;
}

/** What changed from one rule set to another: names are the identity of rules, offers and guardrails. */
export function diffRuleSets(before: RuleSet, after: RuleSet): Change[] {
  return [
    ...diffRules(before, after),
    ...diffShared(before, after),
    ...diffNamed('offer', before.offers, after.offers),
    ...diffNamed('guardrail', byName(before.guardrails), byName(after.guardrails), (guardrail) => {
      const when = (guardrail as { when?: Condition }).when;
      return when === undefined ? undefined : conditionInWords(when, after.facts);
    }),
    ...diffNamed('experiment', byName(before.experiments), byName(after.experiments)),
    ...diffSettings(before, after),
  ];
}

function diffRules(before: RuleSet, after: RuleSet): Change[] {
  const old = byName(before.rules);
  const changes: Change[] = [];
  for (const rule of after.rules) {
    const known = old.get(rule.name);
    if (known === undefined) {
      const details = [
        `fires when ${conditionInWords(rule.conditions, after.facts)}`,
        `proposes ${eventInWords(rule)}`,
        `has priority ${rule.priority}`,
      ];
      changes.push({ kind: 'added', what: 'rule', name: rule.name, details, matters: true });
      continue;
    }
    const details = ruleDetails(known, rule, before, after);
    if (details.length > 0) {
      const matters = details.some(({ matters: m }) => m);
      changes.push({
        kind: 'changed',
        what: 'rule',
        name: rule.name,
        details: details.map(({ text }) => text),
        matters,
      });
    }
  }
  const names = new Set(after.rules.map(({ name }) => name));
  for (const rule of before.rules) {
    if (names.has(rule.name)) continue;
    const details = [`proposed ${eventInWords(rule)}`];
    changes.push({ kind: 'removed', what: 'rule', name: rule.name, details, matters: true });
  }
  return changes;
}

interface Detail {
  readonly text: string;
  readonly matters: boolean;
}

function ruleDetails(old: Rule, now: Rule, before: RuleSet, after: RuleSet): Detail[] {
  const details: Detail[] = [];
  if (old.priority !== now.priority) {
    details.push({ text: `priority ${old.priority} becomes ${now.priority}`, matters: true });
  }
  if (JSON.stringify(old.event) !== JSON.stringify(now.event)) {
    details.push({ text: `proposes ${eventInWords(now)} instead of ${eventInWords(old)}`, matters: true });
    details.push(
      ...fieldChanges(old.event.params, now.event.params).map((text) => ({ text, matters: true })),
    );
  }
  details.push(...fieldChanges(lifeOf(old), lifeOf(now)).map((text) => ({ text, matters: true })));
  if (old.description !== now.description) details.push({ text: 'the description is new', matters: false });
  details.push(...conditionDetails(old, now, before, after));
  return details;
}

/** How long what it opens stays open, where the rule itself says so. */
function lifeOf({ clearAfterDays, leastDays }: Rule): object {
  return {
    ...(clearAfterDays === null ? {} : { clear_after_days: clearAfterDays }),
    ...(leastDays === null ? {} : { least_days: leastDays }),
  };
}

/** What changed in the conditions, with shared conditions followed: a rule changes when one of those does. */
function conditionDetails(old: Rule, now: Rule, before: RuleSet, after: RuleSet): Detail[] {
  const was = comparisonsOf(old.conditions, before);
  const is = comparisonsOf(now.conditions, after);
  const written =
    conditionInWords(expanded(old.conditions, before), before.facts) !==
    conditionInWords(expanded(now.conditions, after), after.facts);
  if (!written) return [];
  const same = sameMeaning(old, now, before, after);
  if (same) return [{ text: 'the conditions are written differently and mean the same', matters: false }];
  const gone = was.filter((words) => !is.includes(words));
  const added = is.filter((words) => !was.includes(words));
  const details = [
    ...gone.map((words) => `no longer asks: ${words}`),
    ...added.map((words) => `now asks: ${words}`),
  ];
  if (details.length === 0) details.push('the same comparisons are joined differently');
  details.push(`now fires when ${conditionInWords(expanded(now.conditions, after), after.facts)}`);
  return details.map((text) => ({ text, matters: true }));
}

function sameMeaning(old: Rule, now: Rule, before: RuleSet, after: RuleSet): boolean {
  const pool = new ExpressionPool(new Map());
  const a = pool.of(expanded(old.conditions, before));
  const b = pool.of(expanded(now.conditions, after));
  if (a === b) return true;
  const facts: ReadonlyMap<string, Fact> = new Map([...before.facts, ...after.facts]);
  return (
    satisfy(pool.both(a, pool.negated(b)), facts).answer === 'no' &&
    satisfy(pool.both(b, pool.negated(a)), facts).answer === 'no'
  );
}

/** Conditions with every reference replaced by what it names. */
function expanded(condition: Condition, set: RuleSet): Condition {
  if (condition.all !== undefined) return { all: condition.all.map((part) => expanded(part, set)) };
  if (condition.any !== undefined) return { any: condition.any.map((part) => expanded(part, set)) };
  if (condition.not !== undefined) return { not: expanded(condition.not, set) };
  if (condition.condition !== undefined) {
    return expanded(set.conditions.get(condition.condition)!.condition, set);
  }
  return condition;
}

function comparisonsOf(condition: Condition, set: RuleSet): string[] {
  const whole = expanded(condition, set);
  const visit = (part: Condition): string[] => {
    if (part.not !== undefined) return visit(part.not).map((words) => `not (${words})`);
    const parts = part.all ?? part.any;
    if (parts !== undefined) return parts.flatMap(visit);
    return [comparisonInWords(part as Parameters<typeof comparisonInWords>[0], set.facts)];
  };
  return [...new Set(visit(whole))];
}

function diffShared(before: RuleSet, after: RuleSet): Change[] {
  const changes: Change[] = [];
  for (const [name, { condition }] of after.conditions) {
    const old = before.conditions.get(name);
    const words = conditionInWords(condition, after.facts);
    if (old === undefined) {
      changes.push({ kind: 'added', what: 'shared condition', name, details: [words], matters: false });
    } else {
      const was = conditionInWords(old.condition, before.facts);
      if (was === words) continue;
      const details = [`was ${was}`, `is ${words}`];
      changes.push({ kind: 'changed', what: 'shared condition', name, details, matters: true });
    }
  }
  for (const name of before.conditions.keys()) {
    if (after.conditions.has(name)) continue;
    changes.push({ kind: 'removed', what: 'shared condition', name, details: [], matters: false });
  }
  return changes;
}

function diffNamed<T extends object>(
  what: Change['what'],
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  inWords: (one: T) => string | undefined = () => undefined,
): Change[] {
  const changes: Change[] = [];
  for (const [name, now] of after) {
    const old = before.get(name);
    if (old === undefined) {
      const { description } = now as { description?: string };
      const when = inWords(now);
      const details = [
        ...(description === undefined ? [] : [description]),
        ...(when === undefined ? [] : [`when ${when}`]),
      ];
      changes.push({ kind: 'added', what, name, details, matters: true });
      continue;
    }
    const details = fieldChanges(old, now);
    const matters = details.some((text) => !text.startsWith('description '));
    if (details.length > 0) changes.push({ kind: 'changed', what, name, details, matters });
  }
  for (const name of before.keys()) {
    if (!after.has(name)) changes.push({ kind: 'removed', what, name, details: [], matters: true });
  }
  return changes;
}

/** What holds for the set as a whole: lives, brake and currencies. */
function diffSettings(before: RuleSet, after: RuleSet): Change[] {
  const [was, is] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name): Change[] => {
    const details = fieldChanges(was.get(name) ?? {}, is.get(name) ?? {});
    return details.length === 0 ? [] : [{ kind: 'changed', what: 'setting', name, details, matters: true }];
  });
}

function settingsOf({ lives, brake, currencies }: RuleSet): Map<string, object> {
  return new Map<string, object>([
    ...Object.entries(lives).map(([kind, { clearAfterDays, leastDays }]): [string, object] => [
      `lives.${kind}`,
      { clear_after_days: clearAfterDays, least_days: leastDays },
    ]),
    [
      'brake',
      brake === null ? { off: true } : { max_opened: brake.maxOpened, max_share_pct: brake.maxSharePct },
    ],
    [
      'currencies',
      {
        reporting: currencies.reporting,
        gross_margin: currencies.grossMargin ?? undefined,
        ...Object.fromEntries(currencies.rates),
      },
    ],
  ]);
}

/** `discount_pct 10 becomes 15`, for every field that differs. */
function fieldChanges(old: object, now: object): string[] {
  const was = new Map(Object.entries(old));
  const is = new Map(Object.entries(now));
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const [a, b] = [JSON.stringify(was.get(key)), JSON.stringify(is.get(key))];
    return a === b ? [] : [`${key} ${a ?? '(none)'} becomes ${b ?? '(none)'}`];
  });
}

function eventInWords({ event }: Rule): string {
  return event.type === 'offer'
    ? `the offer ${event.params.offer}`
    : `${event.type === 'escalation' ? 'an escalation' : 'a touchpoint'} about ${event.params.topic}`;
}

function byName<T extends { readonly name: string }>(list: Iterable<T>): Map<string, T> {
  return new Map([...list].map((one) => [one.name, one]));
}
