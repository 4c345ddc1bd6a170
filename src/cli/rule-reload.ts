import { systemClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import type { StartDefinitions } from '../engine/definitions.js';
import type { Engine } from '../engine/engine.js';
import { factCatalogue } from '../engine/facts.js';
import { checkPresentValues, openTexts } from '../rules/check-present.js';
import { diffRuleSets } from '../rules/diff.js';
import type { Plan } from '../rules/plan.js';
import { type Refusal, refusalLines } from '../rules/refusal.js';
import type { RuleSet } from '../rules/rule-set.js';
import { type ReloadStatus, RuleWatcher } from '../rules/rule-watcher.js';
import { readPresentValues } from '../store/present-values.js';
import { recordActivation } from '../store/rule-activations.js';
import type { Role } from './role.js';

/** How an engine gets its rules while it runs. */
export interface RuleReload {
  /** Stops watching. */
  close(): Promise<void>;
}

/**
 * Makes changed rules the ones that decide while the engine runs. What can't go live leaves the last good set running, and is
 * reported in the log, in metrics and in the details of health. `decides`: whether this role opens decisions; then the set is
 * recorded as the one that is live.
 */
export async function watchRules(
  { settings, logger, metrics, health, store, waits }: Role,
  engine: Engine,
  start: StartDefinitions,
  decides: boolean,
): Promise<RuleReload> {
  const folder = settings.PERENNIAL_RULES;
  const goLive = async ({ set }: Plan): Promise<void> => {
    if (decides) await recordActivation(store, set, systemClock());
  };
  const count = ({ rules, guardrails, offers }: RuleSet): void => {
    metrics.rulesLive.set({ what: 'rules' }, rules.length);
    metrics.rulesLive.set({ what: 'guardrails' }, guardrails.length);
    metrics.rulesLive.set({ what: 'offers' }, offers.size);
  };
  const refused = (refusal: Refusal, running: string): void => {
    metrics.ruleReloads.inc({ result: 'refused' });
    metrics.rulesRefused.set(1);
    const { reason, hint } = refusal;
    logger.error(
      { folder, reason, hint, details: refusalLines(refusal), running },
      'Rules refused; the last good set runs on',
    );
  };
  /** Beside the work: a rule that nobody can match is worth a line in the log, and no delay. */
  const nameValuesOfNobody = async ({ files, facts }: RuleSet): Promise<void> => {
    try {
      const problems = checkPresentValues(files, await readPresentValues(store, openTexts(facts.values())));
      if (problems.length > 0) {
        logger.warn(
          { folder, details: problems.map(formatProblem) },
          'Rules name values that no subscription has',
        );
      }
    } catch (thrown) {
      logger.warn({ error: PerennialError.from(thrown) }, 'Values that rules name could not be compared');
    }
  };
  let comparing = Promise.resolve();
  const running = () => engine.definitions.plan.set.revision;
  if (start.refusal !== null) refused(start.refusal, running());
  if (start.unread.length > 0)
    logger.warn({ folder, unread: start.unread }, 'Files beside the rules are not read');
  count(start.plan.set);
  await waits.until('the store', () => goLive(start.plan));
  comparing = nameValuesOfNobody(start.plan.set);

  const watcher = new RuleWatcher(
    {
      folder,
      catalogue: () => ({ facts: factCatalogue(engine.definitions.scoring.catalogue) }),
      plan: start.plan,
      refusal: start.refusal,
      stamp: start.stamp,
    },
    {
      activate: async (plan) => {
        await engine.activate({ ...engine.definitions, plan });
        await goLive(plan);
      },
      onActivated: ({ set }, before, unread) => {
        metrics.ruleReloads.inc({ result: 'activated' });
        metrics.rulesRefused.set(0);
        count(set);
        const changes = diffRuleSets(before.set, set).map(
          ({ kind, what, name }) => `${kind} ${what} ${name}`,
        );
        for (const kind of ['added', 'removed', 'changed'] as const) {
          metrics.ruleChanges.inc({ kind }, changes.filter((change) => change.startsWith(kind)).length);
        }
        logger.info(
          { revision: set.revision, before: before.set.revision, rules: set.rules.length, changes, unread },
          'Rules reloaded',
        );
        comparing = comparing.then(() => nameValuesOfNobody(set));
      },
      onHeld: ({ revision, losses, holdMs }) => {
        metrics.ruleReloads.inc({ result: 'held' });
        metrics.rulesRefused.set(0);
        logger.warn(
          { folder, revision, losses, holdMs, running: running() },
          'Rules have gone from the folder; the new set waits whether it stays so',
        );
      },
      onRefused: (refusal) => refused(refusal, running()),
    },
    { settleMs: settings.PERENNIAL_RULES_SETTLE_MS, holdMs: settings.PERENNIAL_RULES_HOLD_MS },
  );
  const unnote = health.add('note', 'rules', () => statusInWords(folder, watcher.status));
  return {
    close: async () => {
      unnote();
      await watcher.close();
      await comparing;
    },
  };
}

function statusInWords(folder: string, { refusal, held, revision }: ReloadStatus): string | undefined {
  if (refusal !== null) {
    return `What is in ${folder} is refused (${refusal.reason}); revision ${revision} runs.`;
  }
  if (held === null) return undefined;
  return `${folder} has lost ${held.losses.join(', ')}; revision ${held.revision} goes live once it has stood still for ${held.holdMs / 1_000} s, until then ${revision} runs.`;
}
