import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { RuleEvent } from './event.js';
import type { Expression, ExpressionPool } from './expression.js';
import type { Placed, PlacedRule } from './placed.js';
import type { Guardrail, Offer } from './rule-set.js';
import { satisfy } from './satisfy.js';

/** A rule with what its conditions mean. */
export interface KnownRule {
  readonly placed: PlacedRule;
  readonly expression: Expression;
}

/** A rule that fires and never opens anything, because one guardrail stands in its way whenever it does. */
export function alwaysStopped(
  { placed: { rule, file, rulePath }, expression }: KnownRule,
  guardrails: readonly Placed<Guardrail>[],
  offers: ReadonlyMap<string, Offer>,
  pool: ExpressionPool,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  for (const { value: guardrail, file: other, path } of guardrails) {
    const why = whyStopped(rule.event, guardrail, offers);
    if (why === undefined) continue;
    const { when } = guardrail;
    const always = when === undefined || implies(expression, pool.of(when), pool, facts);
    if (!always) continue;
    const where = `${other.path}:${other.locate(path).line}`;
    const message = `The rule \`${rule.name}\` never opens anything: ${why} \`${guardrail.name}\` (${where}).`;
    return [
      problemAt(file, [...rulePath, 'event'], 'never-opens', message, { severity: 'warning', key: true }),
    ];
  }
  return [];
}

/** Whether one holds for all facts for which another does. Certain when it says yes. */
export function implies(
  a: Expression,
  b: Expression,
  pool: ExpressionPool,
  facts: ReadonlyMap<string, Fact>,
): boolean {
  return a === b || satisfy(pool.both(a, pool.negated(b)), facts).answer === 'no';
}

/** What a rule gives away, in per cent, and whether that costs anything. */
export function discountOf(event: RuleEvent, offers: ReadonlyMap<string, Offer>): number {
  if (event.type !== 'offer') return 0;
  return event.params.discount_pct ?? offers.get(event.params.offer)?.discount_pct ?? 0;
}

/** The start of a sentence that ends with the guardrail's name; undefined where it leaves the event room. */
function whyStopped(
  event: RuleEvent,
  guardrail: Guardrail,
  offers: ReadonlyMap<string, Offer>,
): string | undefined {
  const discount = discountOf(event, offers);
  switch (guardrail.kind) {
    case 'discount_cap':
      if (discount <= guardrail.max_pct) return undefined;
      return `its ${discount} % are over the ${guardrail.max_pct} % of`;
    case 'budget': {
      const credit = event.type === 'offer' ? (offers.get(event.params.offer)?.credit_minor ?? 0) : 0;
      return guardrail.max_minor === 0 && discount + credit > 0
        ? 'it costs money, and there is none in'
        : undefined;
    }
    case 'frequency_cap':
    case 'max_open':
      return guardrail.max === 0 && guardrail.types.includes(event.type)
        ? 'nothing is allowed by'
        : undefined;
    case 'block':
      return guardrail.types.includes(event.type) ? 'it fires only where it is blocked by' : undefined;
    case 'cooldown':
    case 'min_gap':
    case 'discount_approval':
      return undefined;
  }
}
