import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import { listFolder, readSettledFiles, readTextFiles, type SettleOptions } from '../core/text-files.js';
import { checkFeatureSql } from '../features/check-feature-sql.js';
import { cutFiles, type LiveNames, lossesOf, objectionToTorn, tornFiles } from '../rules/admission.js';
import { loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import type { Plan } from '../rules/plan.js';
import { type Refusal, refusal, refusalError } from '../rules/refusal.js';
import { unreadFiles } from '../rules/rule-folder.js';
import { verifiedPlan } from '../rules/verified-plan.js';
import { loadScoring, type Scoring } from '../scoring/load.js';
import { readRevision } from '../store/revisions.js';
import { readLastActivation } from '../store/rule-activations.js';
import type { Store } from '../store/store.js';
import { factCatalogue } from './facts.js';

/** The files that say how to score and what to decide, read, checked and compiled. Immutable. */
export interface Definitions {
  readonly scoring: Scoring;
  readonly plan: Plan;
}

export interface DefinitionFolders {
  readonly scoring: string;
  readonly rules: string;
}

/** When files count for a command. */
export interface CommandSettling extends SettleOptions {
  /** How long a set that has lost rules or guardrails has to stand still, where the command makes it the live one. */
  readonly holdMs?: number;
  /** Called before that wait. */
  readonly onHeld?: (losses: readonly string[]) => void;
}

/**
 * Reads scoring/ and rules/ and checks both: feature SQL by the store's engine, compiled rules beside json-rules-engine, and
 * the rule set beside the one that was live last. Throws `invalid_file` with every problem as file:line:column. `settle`:
 * files count once they stand still; without it they are read as they are.
 */
export async function loadDefinitions(
  store: Store,
  scoringFolder: string,
  rulesFolder: string,
  settle?: CommandSettling,
): Promise<Definitions> {
  const scoring = await readScoring(store, scoringFolder);
  const live = (await readLastActivation(store)) ?? null;
  const read = (settling: SettleOptions | undefined) =>
    readRules(store, rulesFolder, catalogueOf(scoring), live, settling);
  let { outcome } = await read(settle);
  if (settle?.holdMs !== undefined && live !== null && !('reason' in outcome)) {
    const losses = await lossesSince(store, outcome, live);
    if (losses.length > 0) {
      settle.onHeld?.(losses);
      ({ outcome } = await read({ ...settle, settleMs: Math.max(settle.settleMs, settle.holdMs) }));
    }
  }
  if ('reason' in outcome) throw refusalError(outcome, rulesFolder);
  return { scoring, plan: outcome };
}

/** What a set no longer has of the one that was live last, ends of files included. */
async function lossesSince(store: Store, { set }: Plan, live: LiveNames): Promise<readonly string[]> {
  if (set.revision === live.revision) return [];
  const record = await readRevision(store, 'rules', live.revision);
  return [...lossesOf(set, live), ...cutFiles(set.files, new Map(Object.entries(record?.files ?? {})))];
}

/** Definitions of a role that runs on whatever becomes of its rule files. */
export interface StartDefinitions extends Definitions {
  /** Why the folder's rules are refused, so that the last ones that were live decide; null: they are not. */
  readonly refusal: Refusal | null;
  /** State of the rules folder that was found. */
  readonly stamp: string;
  /** Files of the rules folder that nobody reads. */
  readonly unread: readonly string[];
}

/**
 * The same for a role that starts: where the rules folder holds no set that may go live, the last set that was live decides
 * instead, from the store. A role that an orchestrator started anew must not stand still because a file was edited badly
 * meanwhile. It also decides where the folder has lost rules or guardrails since, until the watcher has seen that it stays so: a
 * restart while files are replaced is no shorter way. Throws only when there is no such set either, or scoring/ is wrong.
 */
export async function loadStartDefinitions(
  store: Store,
  folders: DefinitionFolders,
  settle: SettleOptions,
): Promise<StartDefinitions> {
  const scoring = await readScoring(store, folders.scoring);
  const catalogue = catalogueOf(scoring);
  const live = (await readLastActivation(store)) ?? null;
  const { outcome, stamp, unread } = await readRules(store, folders.rules, catalogue, live, settle).catch(
    unreadable,
  );
  const refusal = 'reason' in outcome ? outcome : null;
  const isWhole =
    !('reason' in outcome) && (live === null || (await lossesSince(store, outcome, live)).length === 0);
  const last = live === null || isWhole ? undefined : await lastLivePlan(store, catalogue, live);
  if (last !== undefined) return { scoring, plan: last, refusal, stamp, unread };
  if ('reason' in outcome) throw refusalError(outcome, folders.rules);
  return { scoring, plan: outcome, refusal, stamp, unread };
}

interface ReadRules {
  readonly outcome: Plan | Refusal;
  readonly stamp: string;
  readonly unread: readonly string[];
}

async function readRules(
  store: Store,
  folder: string,
  catalogue: RuleCatalogue,
  live: LiveNames | null,
  settle: SettleOptions | undefined,
): Promise<ReadRules> {
  const { listing, files } =
    settle === undefined
      ? { listing: listFolder(folder), files: readTextFiles(folder) }
      : await readSettledFiles(folder, settle);
  const plan = await verifiedPlan(loadRuleSet(files, catalogue), live);
  const outcome = 'reason' in plan ? plan : ((await objectionToCut(store, plan, live)) ?? plan);
  return { outcome, stamp: listing.stamp, unread: unreadFiles(listing) };
}

/** A file that was cut off may be read without a fault, and then says something else. */
async function objectionToCut(
  store: Store,
  { set: { files } }: Plan,
  live: LiveNames | null,
): Promise<Refusal | undefined> {
  // Nearly all files end with a whole line, and need not be compared.
  if (live === null || [...files.values()].every((text) => text.endsWith('\n'))) return undefined;
  const record = await readRevision(store, 'rules', live.revision);
  return record && objectionToTorn(tornFiles(files, new Map(Object.entries(record.files))));
}

function unreadable(thrown: unknown): ReadRules {
  const { message, hint } = PerennialError.from(thrown);
  return { outcome: refusal(message.replace(/\.$/, ''), hint), stamp: '', unread: [] };
}

/** The set that was live last, from the store; undefined when it no longer fits the facts. */
async function lastLivePlan(
  store: Store,
  catalogue: RuleCatalogue,
  { revision }: LiveNames,
): Promise<Plan | undefined> {
  const record = await readRevision(store, 'rules', revision);
  if (record === undefined) return undefined;
  const outcome = await verifiedPlan(loadRuleSet(new Map(Object.entries(record.files)), catalogue), null);
  return 'reason' in outcome ? undefined : outcome;
}

async function readScoring(store: Store, folder: string): Promise<Scoring> {
  const { scoring, problems } = loadScoring(readTextFiles(folder), folder);
  if (scoring === undefined) throw invalid(problems);
  const sqlProblems = await checkFeatureSql(store, scoring.catalogue);
  if (sqlProblems.length > 0) throw invalid(sqlProblems);
  return scoring;
}

function catalogueOf(scoring: Scoring): RuleCatalogue {
  return { facts: factCatalogue(scoring.catalogue) };
}

function invalid(problems: readonly Problem[]): PerennialError {
  return new PerennialError('invalid_file', problems.map(formatProblem).join('\n'), {
    hint: `${problems.length === 1 ? 'One problem' : `${problems.length} problems`} to fix before anything is scored.`,
  });
}
