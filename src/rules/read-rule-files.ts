import type { z } from 'zod';
import { LIMITS } from '../core/limits.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, readYaml, type YamlFile } from '../core/yaml-file.js';
import { type Brake, brakeOf } from './brake.js';
import type { Condition } from './condition.js';
import { type CurrencySettings, currenciesOf, currencyFileSchema } from './currency-file.js';
import type { EventType } from './event.js';
import { type Experiment, experimentFileSchema } from './experiment-file.js';
import { type Guardrail, guardrailFileSchema } from './guardrail-file.js';
import { type Life, livesOf } from './life.js';
import { type Offer, offerFileSchema } from './offer-file.js';
import { type Placed, type PlacedCondition, type PlacedRule, placeName } from './placed.js';
import { withReason } from './refused-keys.js';
import { repairedCondition } from './repaired-condition.js';
import { bareRuleFileSchema, type RuleSource, ruleFileSchema, ruleSchema } from './rule-file.js';
import { baseName, type FileKind, kindOfFile } from './rule-folder.js';
import type { Rule } from './rule-set.js';

/** What can be read of a rule whose form is wrong: enough to check the rest of it in the same round. */
export interface DamagedRule extends PlacedCondition {
  readonly rulePath: readonly PropertyKey[];
  /** The offer that it names, if it names one. */
  readonly offer: string | null;
}

/** What files of a set say, thing by thing. Nothing is compared with anything else yet. */
export interface FileContents {
  readonly rules: readonly PlacedRule[];
  readonly damaged: readonly DamagedRule[];
  readonly shared: readonly Placed<{ readonly name: string; readonly condition: Condition }>[];
  readonly offers: readonly Placed<Offer>[];
  readonly guardrails: readonly Placed<Guardrail>[];
  readonly experiments: readonly Placed<Experiment>[];
  readonly lives: readonly Placed<Readonly<Record<EventType, Life>>>[];
  readonly brakes: readonly Placed<Brake | null>[];
  readonly currencies: readonly Placed<CurrencySettings>[];
  /** Where it says that there are none: `rules: off`, `guardrails: off`. */
  readonly none: readonly Placed<'rules' | 'guardrails'>[];
  /** Kinds of file of which one could not be read: names that it may have defined are not reported as unknown. */
  readonly unread: readonly FileKind[];
  /** What is wrong with the form of the files. */
  readonly problems: readonly Problem[];
}

const NOTHING: FileContents = {
  rules: [],
  damaged: [],
  shared: [],
  offers: [],
  guardrails: [],
  experiments: [],
  lives: [],
  brakes: [],
  currencies: [],
  none: [],
  unread: [],
  problems: [],
};

/** Reads all files of a set, each by itself. */
export function readRuleFiles(files: ReadonlyMap<string, string>): FileContents {
  const parts = [...files].map(([path, text]) => ({ ...NOTHING, ...readFile(readYaml(path, text)) }));
  const all = <K extends keyof FileContents>(key: K) =>
    parts.flatMap((part) => part[key] as readonly FileContents[K][number][]);
  return {
    rules: all('rules'),
    damaged: all('damaged'),
    shared: all('shared'),
    offers: all('offers'),
    guardrails: all('guardrails'),
    experiments: all('experiments'),
    lives: all('lives'),
    brakes: all('brakes'),
    currencies: all('currencies'),
    none: all('none'),
    unread: all('unread'),
    problems: all('problems'),
  };
}

function readFile(file: YamlFile): Partial<FileContents> {
  switch (kindOfFile(file.path)) {
    case 'offers':
      return readAs('offers', file, offerFileSchema, ({ offers }) => ({
        offers: listed(offers, file, ['offers']),
      }));
    case 'guardrails':
      return readAs('guardrails', file, guardrailFileSchema, ({ guardrails, lives, brake }) => ({
        ...(guardrails === 'off'
          ? { none: [{ value: 'guardrails', file, path: ['guardrails'] }] }
          : { guardrails: listed(guardrails, file, ['guardrails']) }),
        ...(lives === undefined ? {} : { lives: [{ value: livesOf(lives), file, path: ['lives'] }] }),
        ...(brake === undefined ? {} : { brakes: [{ value: brakeOf(brake), file, path: ['brake'] }] }),
      }));
    case 'currencies':
      return readAs('currencies', file, currencyFileSchema, (data) => ({
        currencies: [{ value: currenciesOf(data), file, path: ['reporting'] }],
      }));
    case 'experiments':
      return readAs('experiments', file, experimentFileSchema, ({ experiments }) => ({
        experiments: listed(experiments, file, ['experiments']),
      }));
    case 'rules':
      return Array.isArray(file.value) ? readBareRules(file) : readRules(file);
  }
}

function readBareRules(file: YamlFile): Partial<FileContents> {
  return readAs('rules', file, bareRuleFileSchema, (rules) => ({
    rules: rules.map((source, i) => placedRule(source, file, [i])),
  }));
}

function readRules(file: YamlFile): Partial<FileContents> {
  return readAs('rules', file, ruleFileSchema, ({ conditions = {}, rules = [] }) => ({
    shared: Object.entries(conditions).map(([name, condition]) => ({
      value: { name, condition },
      file,
      path: ['conditions', name],
    })),
    ...(rules === 'off'
      ? { none: [{ value: 'rules', file, path: ['rules'] }] }
      : { rules: rules.map((source, i) => placedRule(source, file, ['rules', i])) }),
  }));
}

/** What a file holds; of one whose form is wrong what is wrong, and what can be read of its rules. */
function readAs<T>(
  kind: FileKind,
  file: YamlFile,
  schema: z.ZodType<T>,
  contents: (data: T) => Partial<FileContents>,
): Partial<FileContents> {
  const checked = checkYaml(file, schema);
  if (checked.data !== undefined) return contents(checked.data);
  return {
    unread: [kind],
    problems: checked.problems.map(withReason),
    ...(kind === 'rules' ? readableRules(file) : {}),
  };
}

/** Of a file with mistakes in its form, the rules that have none, and what can be read of the others. */
function readableRules(file: YamlFile): Partial<FileContents> {
  const bare = Array.isArray(file.value);
  const sources = bare ? file.value : (file.value as { rules?: unknown } | null | undefined)?.rules;
  if (!Array.isArray(sources)) return {};
  const rules: PlacedRule[] = [];
  const damaged: DamagedRule[] = [];
  sources.forEach((source: unknown, i) => {
    const rulePath = bare ? [i] : ['rules', i];
    const { data } = ruleSchema.safeParse(source);
    if (data !== undefined) rules.push(placedRule(data, file, rulePath));
    else if (damaged.length < LIMITS.problemsOfFile) damaged.push(damagedRule(source, file, rulePath));
  });
  return { rules, damaged };
}

function placedRule(source: RuleSource, file: YamlFile, rulePath: readonly PropertyKey[]): PlacedRule {
  const position = Number(rulePath.at(-1)) + 1;
  const rule: Rule = {
    name: source.name === undefined ? `${baseName(file.path)}#${position}` : String(source.name),
    description: source.description ?? '',
    priority: source.priority,
    clearAfterDays: source.clear_after_days ?? null,
    leastDays: source.least_days ?? null,
    conditions: source.conditions,
    event: source.event,
    place: { file: file.path, ...file.locate(rulePath) },
  };
  return { rule, rulePath, condition: source.conditions, file, path: [...rulePath, 'conditions'] };
}

function damagedRule(source: unknown, file: YamlFile, rulePath: readonly PropertyKey[]): DamagedRule {
  const { conditions, event } = (source ?? {}) as {
    conditions?: unknown;
    event?: { type?: unknown; params?: { offer?: unknown } | null } | null;
  };
  const offer = event?.type === 'offer' ? event.params?.offer : undefined;
  return {
    condition: repairedCondition(conditions, placeName({ file, path: rulePath })),
    file,
    path: [...rulePath, 'conditions'],
    rulePath,
    offer: typeof offer === 'string' ? offer : null,
  };
}

function listed<T>(values: readonly T[], file: YamlFile, path: readonly PropertyKey[]): Placed<T>[] {
  return values.map((value, i) => ({ value, file, path: [...path, i] }));
}
