import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import { discountOf, implies, type KnownRule } from './check-guarded.js';
import { actionOf } from './event.js';
import { type ExpressionPool, factsOf } from './expression.js';
import type { Placed } from './placed.js';
import type { Guardrail, Offer, Rule } from './rule-set.js';
import { holdsFor, satisfy } from './satisfy.js';

/** Rules before it that a rule is compared with, and how far back those are looked for: generated sets have thousands. */
const COMPARED = 50;
const LOOKED_BACK = 1_000;

/**
 * Rules that never come to their turn: whenever one fires another fires too, goes first, and proposes the same action or
 * another offer, of which one is open at a time.
 */
export function checkPairs(
  known: readonly KnownRule[],
  guardrails: readonly Placed<Guardrail>[],
  offers: ReadonlyMap<string, Offer>,
  pool: ExpressionPool,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  const inTurn = known
    .map((one) => inTurnOf(one))
    .sort((a, b) => b.placed.rule.priority - a.placed.rule.priority);
  const limited = guardrails.some(({ value: { kind } }) => SMALLER_MAY_PASS.has(kind));
  return inTurn.flatMap((later, i): Problem[] => {
    const rivals = rivalsBefore(inTurn, i);
    // One case in which it comes to its turn is found much faster than that there is none.
    const one = rivals.length === 0 ? undefined : satisfy(later.expression, facts);
    const first = rivals.find(
      (rival) =>
        !(limited && isFallback(rival.placed.rule, later.placed.rule, offers)) &&
        !(one?.answer === 'yes' && !holdsFor(rival.expression, one.facts)) &&
        implies(later.expression, rival.expression, pool, facts),
    );
    if (first === undefined) return [];
    const together = implies(first.expression, later.expression, pool, facts);
    return [pairProblem(first, later, together)];
  });
}

/** A rule with what decides whether another can stand in its way. */
interface RuleInTurn extends KnownRule {
  /** What is open once only: rules with the same can stand in each other's way. */
  readonly slot: string;
  readonly facts: ReadonlySet<string>;
  /** A bit for each fact, several facts sharing one: most sets that are no subset show it here. */
  readonly mask: number;
}

function inTurnOf(one: KnownRule): RuleInTurn {
  const { event } = one.placed.rule;
  const facts = new Set(factsOf(one.expression));
  let mask = 0;
  for (const name of facts)
    mask |= 1 << ((name.length * 7 + name.charCodeAt(0) + name.charCodeAt(name.length - 1)) % 32);
  return { ...one, slot: event.type === 'offer' ? 'offer' : actionOf(event), facts, mask };
}

/** Those that go before the rule at a place and look only at facts that it looks at too: others can't always fire with it. */
function rivalsBefore(inTurn: readonly RuleInTurn[], place: number): RuleInTurn[] {
  const later = inTurn[place]!;
  const rivals: RuleInTurn[] = [];
  for (let i = place - 1; i >= 0 && i >= place - LOOKED_BACK && rivals.length < COMPARED; i--) {
    const first = inTurn[i]!;
    if (first.slot !== later.slot || (first.mask & ~later.mask) !== 0) continue;
    // Two with one name are another problem.
    if (first.placed.rule.name !== later.placed.rule.name && isSubset(first.facts, later.facts))
      rivals.push(first);
  }
  return rivals.reverse();
}

/** Guardrails that may stop an offer and let one that costs less pass. */
const SMALLER_MAY_PASS: ReadonlySet<Guardrail['kind']> = new Set([
  'discount_cap',
  'discount_approval',
  'budget',
]);

function isSubset(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size > b.size) return false;
  for (const one of a) if (!b.has(one)) return false;
  return true;
}

/** A smaller discount for the case that a guardrail stops the larger one. */
function isFallback(first: Rule, later: Rule, offers: ReadonlyMap<string, Offer>): boolean {
  return discountOf(later.event, offers) < discountOf(first.event, offers);
}

/** Reported at the one that stands later in the files when both fire together, else at the one that never comes to its turn. */
function pairProblem(first: KnownRule, later: KnownRule, together: boolean): Problem {
  const [a, b] = [first.placed.rule, later.placed.rule];
  const warn = (at: KnownRule, code: string, message: string): Problem =>
    problemAt(at.placed.file, at.placed.rulePath, code, message, { severity: 'warning' });
  if (!together) {
    const why = actionOf(a.event) === actionOf(b.event) ? 'proposes the same' : 'one offer is open at a time';
    return warn(
      later,
      'never-wins',
      `The rule \`${b.name}\` never comes to its turn: whenever it fires \`${a.name}\` (${whereIs(a)}) fires too and goes first, and ${why}. Unless a guardrail stops that one, this rule does nothing.`,
    );
  }
  const [upper, lower] = isBefore(a, b) ? [first, later] : [later, first];
  const [u, l] = [upper.placed.rule, lower.placed.rule];
  if (JSON.stringify(a.event) === JSON.stringify(b.event)) {
    return warn(
      lower,
      'same-rule',
      `The rule \`${l.name}\` says the same as \`${u.name}\` (${whereIs(u)}): same conditions, same event.`,
    );
  }
  const what =
    a.event.type === 'offer'
      ? 'with different offers, and one offer is open at a time'
      : 'and propose the same, which is opened once';
  return warn(
    lower,
    'conflicting-offers',
    `The rules \`${u.name}\` (${whereIs(u)}) and \`${l.name}\` always fire together ${what}: unless a guardrail stops it, \`${a.name}\` always wins.`,
  );
}

function isBefore({ place: a }: Rule, { place: b }: Rule): boolean {
  return a.file === b.file ? a.line < b.line : a.file < b.file;
}

function whereIs({ place }: Rule): string {
  return `${place.file}:${place.line}`;
}
