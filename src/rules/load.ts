import { basename, extname } from 'node:path/posix';
import type { z } from 'zod';
import type { Fact } from '../columns/fact.js';
import { revisionOf } from '../core/identity.js';
import { LIMITS } from '../core/limits.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, didYouMean, problemAt, readYaml, type YamlFile } from '../core/yaml-file.js';
import { type Brake, brakeOf, DEFAULT_BRAKE } from './brake.js';
import { checkConditions, checkReferences, type PlacedCondition } from './check-conditions.js';
import { checkMissing } from './check-missing.js';
import { checkRules, type PlacedRule } from './check-rules.js';
import { type Currencies, currenciesOf, currencyFileSchema, DEFAULT_CURRENCIES } from './currency-file.js';
import { type Experiment, experimentFileSchema } from './experiment-file.js';
import { type Guardrail, guardrailFileSchema } from './guardrail-file.js';
import { DEFAULT_LIVES, livesOf } from './life.js';
import { type Offer, offerFileSchema } from './offer-file.js';
import { withReason } from './refused-keys.js';
import { bareRuleFileSchema, type RuleSource, ruleFileSchema, ruleSchema } from './rule-file.js';
import type { Rule, RuleSet, SharedCondition } from './rule-set.js';

/** What rules may name. */
export interface RuleCatalogue {
  readonly facts: readonly Fact[];
}

/** `set` is there exactly when no problem is an error; warnings are in both. */
export interface LoadedRules {
  readonly set: RuleSet | undefined;
  /** By file, line and column. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and checks a whole rule set. `files`: text by path relative to the rules folder, `/` between folders. `offers`,
 * `guardrails`, `currencies` and `experiments` (.yaml, .yml or .json) are what their names say; other files at the top are rule files;
 * files in folders, such as `tests/`, are left alone. Never throws: whatever is wrong with the files is a problem.
 */
export function loadRuleSet(files: ReadonlyMap<string, string>, catalogue: RuleCatalogue): LoadedRules {
  return new Loader(ruleSetFiles(files), new Map(catalogue.facts.map((fact) => [fact.name, fact]))).load();
}

/** The files that make up the set, in order of their paths: those that its revision covers. */
export function ruleSetFiles(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...files].filter(([path]) => isRuleSetFile(path)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a path, relative to the rules folder, belongs to the rule set. Editors' hidden and backup files do not. */
export function isRuleSetFile(path: string): boolean {
  return !path.includes('/') && !path.startsWith('.') && /\.(ya?ml|json)$/.test(path);
}

type FileKind = 'rules' | 'offers' | 'guardrails' | 'currencies' | 'experiments';

class Loader {
  readonly #files: ReadonlyMap<string, string>;
  readonly #facts: ReadonlyMap<string, Fact>;
  readonly #problems: Problem[] = [];
  readonly #said = new Set<string>();
  readonly #rules: PlacedRule[] = [];
  readonly #shared = new Map<string, PlacedCondition>();
  readonly #offers = new Map<string, Offer>();
  readonly #guardrails: (Guardrail & { readonly source: YamlFile; readonly index: number })[] = [];
  readonly #experiments: Experiment[] = [];
  #lives: RuleSet['lives'] = DEFAULT_LIVES;
  #brake: Brake | null = DEFAULT_BRAKE;
  #currencies: Currencies = DEFAULT_CURRENCIES;
  /** Checks that need every file to have been read. */
  readonly #later: (() => void)[] = [];
  /** Kinds of file of which one could not be read: names that it may have defined are not reported as unknown. */
  readonly #unread = new Set<FileKind>();

  constructor(files: ReadonlyMap<string, string>, facts: ReadonlyMap<string, Fact>) {
    this.#files = files;
    this.#facts = facts;
  }

  load(): LoadedRules {
    for (const [path, text] of this.#files) this.#read(path, text);
    for (const check of this.#later) check();
    this.#checkNames();
    this.#checkMeaning();
    const problems = this.#problems.sort(byPlace);
    if (problems.some(({ severity }) => severity === 'error')) return { set: undefined, problems };
    return { set: this.#finish(problems), problems };
  }

  #read(path: string, text: string): void {
    const file = readYaml(path, text);
    switch (basename(path, extname(path))) {
      case 'offers':
        this.#use('offers', file, offerFileSchema, ({ offers }) => {
          offers.forEach((offer, i) => {
            if (this.#offers.has(offer.name))
              this.#duplicate(file, ['offers', i, 'name'], 'offer', offer.name);
            this.#offers.set(offer.name, offer);
          });
        });
        break;
      case 'guardrails':
        this.#use('guardrails', file, guardrailFileSchema, ({ guardrails, lives, brake }) => {
          this.#lives = livesOf(lives);
          this.#brake = brakeOf(brake);
          guardrails.forEach((guardrail, i) => {
            if (this.#guardrails.some(({ name }) => name === guardrail.name)) {
              this.#duplicate(file, ['guardrails', i, 'name'], 'guardrail', guardrail.name);
            }
            this.#guardrails.push({ ...guardrail, source: file, index: i });
          });
        });
        break;
      case 'currencies':
        this.#use('currencies', file, currencyFileSchema, (data) => {
          this.#currencies = currenciesOf(data);
        });
        break;
      case 'experiments':
        this.#use('experiments', file, experimentFileSchema, ({ experiments }) => {
          experiments.forEach((experiment, i) => {
            if (this.#experiments.some(({ name }) => name === experiment.name)) {
              this.#duplicate(file, ['experiments', i, 'name'], 'experiment', experiment.name);
            }
            this.#experiments.push(experiment);
            this.#later.push(() => this.#checkExperiment(experiment, file, ['experiments', i]));
          });
        });
        break;
      default:
        this.#readRules(file);
    }
  }

  #readRules(file: YamlFile): void {
    if (Array.isArray(file.value)) {
      this.#use('rules', file, bareRuleFileSchema, (rules) => {
        this.#addRules(file, [], rules.entries());
      });
      return;
    }
    this.#use('rules', file, ruleFileSchema, ({ conditions = {}, rules = [] }) => {
      for (const [name, condition] of Object.entries(conditions)) {
        const path = ['conditions', name];
        if (this.#shared.has(name)) this.#duplicate(file, path, 'shared condition', name, true);
        this.#shared.set(name, { condition, file, path });
      }
      this.#addRules(file, ['rules'], rules.entries());
    });
  }

  /** `rules`: each with its place in the file. */
  #addRules(
    file: YamlFile,
    prefix: readonly PropertyKey[],
    rules: Iterable<readonly [number, RuleSource]>,
  ): void {
    for (const [i, source] of rules) {
      const rulePath = [...prefix, i];
      const name =
        source.name === undefined
          ? `${basename(file.path, extname(file.path))}#${i + 1}`
          : String(source.name);
      const place = { file: file.path, ...file.locate(rulePath) };
      const rule: Rule = {
        name,
        description: source.description ?? '',
        priority: source.priority,
        clearAfterDays: source.clear_after_days ?? null,
        leastDays: source.least_days ?? null,
        conditions: source.conditions,
        event: source.event,
        place,
      };
      this.#rules.push({
        rule,
        rulePath,
        condition: source.conditions,
        file,
        path: [...rulePath, 'conditions'],
      });
    }
  }

  /** Of a file with mistakes in its form, the rules that have none: what they say is checked all the same. */
  #addReadableRules(file: YamlFile): void {
    const bare = Array.isArray(file.value);
    const listed = bare ? file.value : (file.value as { rules?: unknown } | null | undefined)?.rules;
    if (!Array.isArray(listed)) return;
    const readable = listed.flatMap((source, i): [number, RuleSource][] => {
      const { data } = ruleSchema.safeParse(source);
      return data === undefined ? [] : [[i, data]];
    });
    this.#addRules(file, bare ? [] : ['rules'], readable);
  }

  /** Hands on what a file holds, or its problems. */
  #use<T>(kind: FileKind, file: YamlFile, schema: z.ZodType<T>, use: (data: T) => void): void {
    const checked = checkYaml(file, schema);
    if (checked.data === undefined) {
      this.#unread.add(kind);
      this.#problems.push(...checked.problems.map(withReason));
      if (kind === 'rules') this.#addReadableRules(file);
    } else use(checked.data);
  }

  #duplicate(file: YamlFile, path: readonly PropertyKey[], what: string, name: string, key = false): void {
    const message = `There are two ${what}s named \`${name}\`; names are unique in the whole set.`;
    this.#problems.push(problemAt(file, path, 'duplicate-name', message, { key }));
  }

  #checkNames(): void {
    const seen = new Set<string>();
    for (const { rule, file, rulePath } of this.#rules) {
      if (seen.has(rule.name)) this.#duplicate(file, [...rulePath, 'name'], 'rule', rule.name);
      seen.add(rule.name);
      if (rule.event.type === 'offer') {
        this.#checkOffer(rule.event.params.offer, file, [...rulePath, 'event', 'params', 'offer']);
        this.#checkDiscount(rule, file, rulePath);
      }
    }
    for (const guardrail of this.#guardrails) this.#checkBudget(guardrail);
    if (this.#rules.length > LIMITS.rules) {
      const { file, rulePath } = this.#rules[LIMITS.rules]!;
      const message = `The set has ${this.#rules.length} rules; at most ${LIMITS.rules} are allowed.`;
      this.#problems.push(problemAt(file, rulePath, 'too-many-rules', message));
    }
  }

  #checkBudget(guardrail: Guardrail & { readonly source: YamlFile; readonly index: number }): void {
    if (guardrail.kind !== 'budget' || this.#unread.has('currencies')) return;
    const { reporting, rates } = this.#currencies;
    if (rates.has(guardrail.currency)) return;
    const message =
      `There is no rate for ${guardrail.currency}, so what offers cost can't be counted in it. ` +
      `Write into currencies.yaml \`reporting: ${guardrail.currency}\`, or under \`rates:\` what one ${guardrail.currency} is worth in ${reporting}.`;
    const path = ['guardrails', guardrail.index, 'currency'];
    this.#problems.push(problemAt(guardrail.source, path, 'no-rate', message));
  }

  #checkOffer(name: string, file: YamlFile, path: readonly PropertyKey[]): void {
    if (this.#offers.has(name) || this.#unread.has('offers')) return;
    const suggestion = didYouMean(name, this.#offers.keys());
    this.#problems.push(
      problemAt(
        file,
        path,
        'unknown-offer',
        `There is no offer \`${name}\` in offers.yaml.`,
        suggestion === undefined ? {} : { suggestion },
      ),
    );
  }

  #checkDiscount({ event }: Rule, file: YamlFile, rulePath: readonly PropertyKey[]): void {
    if (event.type !== 'offer' || event.params.discount_pct === undefined) return;
    const offer = this.#offers.get(event.params.offer);
    if (offer === undefined || event.params.discount_pct <= offer.discount_pct) return;
    const message = `The offer \`${offer.name}\` gives ${offer.discount_pct} %; a rule may give less, not more.`;
    this.#problems.push(
      problemAt(file, [...rulePath, 'event', 'params', 'discount_pct'], 'discount-too-large', message),
    );
  }

  #checkExperiment(experiment: Experiment, file: YamlFile, path: readonly PropertyKey[]): void {
    experiment.offers.forEach((offer, i) => {
      this.#checkOffer(offer, file, [...path, 'offers', i]);
    });
    experiment.arms.forEach((arm, i) => {
      if (arm.offer !== null) this.#checkOffer(arm.offer, file, [...path, 'arms', i, 'offer']);
      if (experiment.arms.findIndex(({ name }) => name === arm.name) < i) {
        this.#duplicate(file, [...path, 'arms', i, 'name'], 'arm', arm.name);
      }
    });
  }

  #checkMeaning(): void {
    const guarded = this.#guardrails.flatMap(({ when, source, index }): PlacedCondition[] =>
      when === undefined ? [] : [{ condition: when, file: source, path: ['guardrails', index, 'when'] }],
    );
    const users = [...this.#rules, ...guarded];
    const known = this.#unread.has('rules') ? null : new Set(this.#shared.keys());
    for (const placed of [...this.#shared.values(), ...users]) {
      this.#problems.push(...checkConditions(placed, this.#facts, known));
    }
    this.#problems.push(...checkReferences(this.#shared, users));
    // What follows looks at rules as a whole, and needs each part of them to make sense.
    if (this.#problems.some(({ severity }) => severity === 'error')) return;
    for (const placed of this.#rules) {
      this.#addOnce(checkMissing(placed, this.#shared, this.#facts));
    }
    this.#problems.push(...checkRules(this.#rules, this.#shared, this.#facts));
  }

  /** What many rules run into inside one shared condition is said once. */
  #addOnce(problems: readonly Problem[]): void {
    for (const problem of problems) {
      const key = `${problem.file}:${problem.line}:${problem.column} ${problem.message}`;
      if (!this.#said.has(key)) this.#problems.push(problem);
      this.#said.add(key);
    }
  }

  #finish(warnings: readonly Problem[]): RuleSet {
    const conditions = new Map<string, SharedCondition>();
    for (const [name, { condition, file, path }] of this.#shared) {
      conditions.set(name, {
        name,
        condition,
        place: { file: file.path, ...file.locate(path, { key: true }) },
      });
    }
    return {
      revision: revisionOf(this.#files),
      files: this.#files,
      facts: this.#facts,
      rules: this.#rules.map(({ rule }) => rule).sort((a, b) => b.priority - a.priority),
      conditions,
      offers: this.#offers,
      guardrails: this.#guardrails.map(({ source: _, index: __, ...guardrail }) => guardrail),
      experiments: this.#experiments,
      lives: this.#lives,
      brake: this.#brake,
      currencies: this.#currencies,
      warnings,
    };
  }
}

export function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
