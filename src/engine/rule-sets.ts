import type { Fact } from '../columns/fact.js';
import type { Clock, Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { liveNamesOf } from '../rules/admission.js';
import { openTexts } from '../rules/check-present.js';
import { type Change, diffRuleSets } from '../rules/diff.js';
import { type LoadedRules, loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import type { Plan } from '../rules/plan.js';
import type { Refusal } from '../rules/refusal.js';
import type { RuleSet } from '../rules/rule-set.js';
import { verifiedPlan } from '../rules/verified-plan.js';
import { type PresentValues, readPresentValues } from '../store/present-values.js';
import { pageOfRevisions, type RevisionListing, readRevision } from '../store/revisions.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import type { Definitions } from './definitions.js';
import { factCatalogue } from './facts.js';
import { pagesOfAccounts } from './pages.js';
import { type RuleImpact, ruleImpact } from './rule-impact.js';

/** A rule set that is or was live. */
export interface KeptRules extends LoadedRules {
  readonly revision: string;
  readonly live: boolean;
  /** When it first went live; null: it never has, and is only in this process. */
  readonly recordedAt: Millis | null;
  readonly files: ReadonlyMap<string, string>;
}

/** What a rule set would do, beside the live one. */
export interface RulePreview {
  readonly liveRevision: string;
  readonly revision: string;
  readonly impact: RuleImpact;
  readonly changes: readonly Change[];
}

/** What can be asked about rule sets. Nothing is changed by asking. */
export class RuleSets {
  readonly #store: Store;
  readonly #definitions: () => Definitions;
  readonly #clock: Clock;

  constructor(store: Store, definitions: () => Definitions, clock: Clock) {
    this.#store = store;
    this.#definitions = definitions;
    this.#clock = clock;
  }

  /** The set that decides. */
  get live(): RuleSet {
    return this.#definitions().plan.set;
  }

  /** What rules may name. */
  get catalogue(): RuleCatalogue {
    return { facts: factCatalogue(this.#definitions().scoring.catalogue) };
  }

  get facts(): readonly Fact[] {
    return this.catalogue.facts;
  }

  /** A set by its revision, checked against the facts of now; without one, the live set. Throws `not_found`. */
  async get(revision: string = this.live.revision, signal?: AbortSignal): Promise<KeptRules> {
    const { live } = this;
    const record = await readRevision(storeDuring(this.#store, signal), 'rules', revision);
    const recordedAt = record?.recordedAt ?? null;
    if (revision === live.revision)
      return { revision, live: true, recordedAt, files: live.files, set: live, problems: live.warnings };
    if (record === undefined) throw unknownRevision(revision);
    const files = new Map(Object.entries(record.files));
    return { revision, live: false, recordedAt, files, ...loadRuleSet(files, this.catalogue) };
  }

  /** Sets that have been live, the newest first. */
  list(
    page: { readonly after?: Pick<RevisionListing, 'recordedAt' | 'revision'>; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<readonly RevisionListing[]> {
    return pageOfRevisions(storeDuring(this.#store, signal), 'rules', page);
  }

  /** The values that subscriptions have now, of the facts that have any. */
  presentValues(signal?: AbortSignal): Promise<PresentValues> {
    return readPresentValues(storeDuring(this.#store, signal, 'ask'), openTexts(this.facts));
  }

  /**
   * What a set would do to everyone beside the live one. It has to be one that could go live. Throws `invalid_argument` with every
   * problem as a field, and `cancelled` once the signal aborts.
   */
  async preview(
    files: ReadonlyMap<string, string>,
    asOf: Millis = this.#clock(),
    signal?: AbortSignal,
  ): Promise<RulePreview> {
    const { scoring, plan: before } = this.#definitions();
    const after = await verifiedPlan(loadRuleSet(files, this.catalogue), liveNamesOf(before.set));
    if ('reason' in after) throw refusedFiles(after);
    const store = storeDuring(this.#store, signal);
    const scopes = () => pagesOfAccounts(store, asOf);
    const plans: { before: Plan; after: Plan } = { before, after };
    const impact = await ruleImpact(store, scoring, plans, scopes, asOf, this.#clock, signal);
    return {
      liveRevision: before.set.revision,
      revision: after.set.revision,
      impact,
      changes: diffRuleSets(before.set, after.set),
    };
  }
}

function refusedFiles({ reason, hint, problems, differences }: Refusal): PerennialError {
  const fields = [
    ...problems.map(({ file, line, column, message }) => ({
      field: `files["${file}"]`,
      description: `${line}:${column}: ${message}`,
    })),
    ...differences.map(({ what }) => ({
      field: 'files',
      description: `${what} would not do what json-rules-engine does`,
    })),
  ];
  return new PerennialError('invalid_argument', `The rule set can't go live: ${reason}.`, {
    reason: 'RULES_INVALID',
    fields: fields.length > 0 ? fields : [{ field: 'files', description: reason }],
    hint: hint ?? 'CheckRules says all that is wrong, and warns of more.',
  });
}

function unknownRevision(revision: string): PerennialError {
  return new PerennialError('not_found', `There is no rule set of revision ${revision}.`, {
    reason: 'RULE_SET_NOT_FOUND',
    subject: { type: 'rule_set', name: revision },
    hint: 'ListRuleSets has those that were live.',
  });
}
