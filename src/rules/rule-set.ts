import type { Fact } from '../columns/fact.js';
import type { Problem } from '../core/problem.js';
import type { Brake } from './brake.js';
import type { Condition } from './condition.js';
import type { CurrencySettings } from './currency-file.js';
import type { EventType, RuleEvent } from './event.js';
import type { Experiment } from './experiment-file.js';
import type { Guardrail } from './guardrail-file.js';
import type { Life } from './life.js';
import type { Offer } from './offer-file.js';

export type { Brake, CurrencySettings, Experiment, Guardrail, Life, Offer };

/** Where something stands in a file; line and column from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Rule {
  /** Unique in the set. A rule written without one is named after its file and position, such as `win_back#3`. */
  readonly name: string;
  /** Empty: none was given. */
  readonly description: string;
  /** From 1; higher goes first. */
  readonly priority: number;
  /** Null: that of its kind, in `RuleSet.lives`. */
  readonly clearAfterDays: number | null;
  /** Null: that of its kind, in `RuleSet.lives`. */
  readonly leastDays: number | null;
  readonly conditions: Condition;
  readonly event: RuleEvent;
  readonly place: Place;
}

/** Conditions that any rule of the set can name. */
export interface SharedCondition {
  readonly name: string;
  readonly condition: Condition;
  readonly place: Place;
}

/** Everything that growth teams own, read, checked and put in order. Immutable: a change makes a new set. */
export interface RuleSet {
  /** Short content hash of the files that it was read from, rule tests left out. */
  readonly revision: string;
  /** The files, by path, as they were read: kept in the store, so that past decisions can be explained. */
  readonly files: ReadonlyMap<string, string>;
  /** The facts it was checked against, by name. */
  readonly facts: ReadonlyMap<string, Fact>;
  /** Highest priority first; of the same priority by file name, then as in the file. */
  readonly rules: readonly Rule[];
  readonly conditions: ReadonlyMap<string, SharedCondition>;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly guardrails: readonly Guardrail[];
  readonly experiments: readonly Experiment[];
  /** How long what is open stays open once its rule no longer fires, for rules that do not say. */
  readonly lives: Readonly<Record<EventType, Life>>;
  /** How much one pass may open; null: any number. */
  readonly brake: Brake | null;
  readonly currencies: CurrencySettings;
  /** Whether the files say in words that the set has no rules or no guardrails: `rules: off`, `guardrails: off`. */
  readonly saysNone: { readonly rules: boolean; readonly guardrails: boolean };
  /** What is suspicious but not wrong. */
  readonly warnings: readonly Problem[];
}
