import { DEFAULT_CURRENCIES } from './currency-file.js';
import { type Refusal, refusal } from './refusal.js';
import type { RuleSet } from './rule-set.js';

/**
 * What a set that went live held, by name. Kept in the store, so that the next set can be compared with it though its files no
 * longer fit the facts of today.
 */
export interface LiveNames {
  readonly revision: string;
  readonly rules: readonly string[];
  readonly guardrails: readonly string[];
  /** Currencies that had a rate, the reporting one among them. Empty: not known. */
  readonly rates: readonly string[];
}

export function liveNamesOf({ revision, rules, guardrails, currencies }: RuleSet): LiveNames {
  return {
    revision,
    rules: rules.map(({ name }) => name),
    guardrails: guardrails.map(({ name }) => name),
    rates: [...currencies.rates.keys()].sort(),
  };
}

/**
 * Why a set in which nothing is wrong may not go live after the one that is (null: none was yet). A folder without rules and
 * a set that has lost its guardrails or its currencies are what is left when a file is deleted, renamed or mounted elsewhere; nobody may
 * run with them by accident. Where it is meant, a file says so: `rules: off`, `guardrails: off`, a currencies.yaml with
 * the reporting currency alone.
 */
export function objectionTo(set: RuleSet, live: LiveNames | null): Refusal | undefined {
  if (set.rules.length === 0 && !set.saysNone.rules) {
    return refusal(
      set.files.size === 0 ? 'The folder holds no rule files' : 'The files hold no rules',
      'Without rules nothing is decided. Look whether this is the right folder and all files are in it. If it is meant, write `rules: off` into a file of it.',
    );
  }
  const guarded = live?.guardrails.length ?? 0;
  if (guarded > 0 && set.guardrails.length === 0 && !set.saysNone.guardrails) {
    return refusal(
      `The set has no guardrails, and the one that was live (${live!.revision}) had ${guarded}`,
      'Look whether guardrails.yaml is there and has its name. If it is meant, write `guardrails: off` into it.',
    );
  }
  const others = live?.rates.filter((currency) => !DEFAULT_CURRENCIES.rates.has(currency)) ?? [];
  if (others.length > 0 && set.currencies === DEFAULT_CURRENCIES) {
    return refusal(
      `The set has no currencies, and the one that was live (${live!.revision}) had rates of ${others.join(', ')}`,
      `Without a rate nothing that costs money is offered in a currency, and no sum has it. Look whether currencies.yaml is there and has its name. If it is meant, write one with \`reporting: ${DEFAULT_CURRENCIES.reporting}\` alone.`,
    );
  }
  return undefined;
}

/**
 * What a set no longer has of the one that is live, where it does not say itself that this is meant: it may be whole, or a
 * file of it may still be in the making.
 */
export function lossesOf(set: RuleSet, live: LiveNames): string[] {
  const missing = (what: string, were: readonly string[], are: readonly { readonly name: string }[]) => {
    const names = new Set(are.map(({ name }) => name));
    return were.filter((name) => !names.has(name)).map((name) => `${what} ${name}`);
  };
  return [
    ...(set.saysNone.rules ? [] : missing('rule', live.rules, set.rules)),
    ...(set.saysNone.guardrails ? [] : missing('guardrail', live.guardrails, set.guardrails)),
    ...live.rates
      .filter((currency) => !set.currencies.rates.has(currency))
      .map((currency) => `the rate of ${currency}`),
  ];
}

/** Files that are the beginning of what is live: a write that stopped half way can cut a value and leave every rule in place. */
export function cutFiles(files: ReadonlyMap<string, string>, live: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    const before = live.get(path) ?? '';
    return text.length < before.length && before.startsWith(text) ? [`the end of ${path}`] : [];
  });
}

/** Of these, the files that end within a line: a person who takes the end away leaves whole lines, a write that stopped does not. */
export function tornFiles(files: ReadonlyMap<string, string>, live: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    const before = live.get(path) ?? '';
    const isTorn =
      text !== '' &&
      before.startsWith(text) &&
      !/[\r\n]$/.test(text) &&
      /^[^\r\n]/.test(before.slice(text.length));
    return isTorn ? [path] : [];
  });
}

/** Why a set that is cut off in the middle of a line may not go live, where nobody watches whether it stays so. */
export function objectionToTorn(torn: readonly string[]): Refusal | undefined {
  if (torn.length === 0) return undefined;
  return refusal(
    `${torn.join(', ')} ends in the middle of a line of the set that was live: a write has stopped, or goes on`,
    'Write the file whole. If it is meant to end there, end its last line.',
  );
}
