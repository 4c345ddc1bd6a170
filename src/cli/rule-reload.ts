import { formatProblem } from '../core/problem.js';
import type { Engine } from '../engine/engine.js';
import { factCatalogue } from '../engine/facts.js';
import { RuleWatcher } from '../rules/rule-watcher.js';
import { differenceInWords } from '../rules/verified-plan.js';
import type { Role } from './role.js';

/**
 * Puts changed rules in force while the engine runs. What can't go live leaves the last good set running, and says so in the
 * log, in metrics and in the details of health. Returns how to stop watching.
 */
export async function watchRules(
  { settings, logger, metrics, health }: Role,
  engine: Engine,
): Promise<() => Promise<void>> {
  const watcher = await RuleWatcher.start(
    settings.PERENNIAL_RULES,
    () => ({ facts: factCatalogue(engine.definitions.scoring.catalogue) }),
    {
      activate: (plan) => engine.activate({ ...engine.definitions, plan }),
      onActivated: (plan) => {
        metrics.ruleReloads.inc({ result: 'activated' });
        metrics.rulesRefused.set(0);
        logger.info({ revision: plan.set.revision, rules: plan.set.rules.length }, 'Rules reloaded');
      },
      onRefused: ({ reason, problems, differences }) => {
        metrics.ruleReloads.inc({ result: 'refused' });
        metrics.rulesRefused.set(1);
        const details = [...problems.map(formatProblem), ...differences.map(differenceInWords)];
        logger.error(
          { reason, details, running: engine.definitions.plan.set.revision },
          'Rules refused; the last good set runs on',
        );
      },
    },
  );
  // The files may have changed since the engine read them.
  if (watcher.plan.set.revision !== engine.definitions.plan.set.revision) {
    await engine.activate({ ...engine.definitions, plan: watcher.plan });
  }
  const unnote = health.add('note', 'rules', () => {
    const { refusal, revision } = watcher.status;
    return refusal === null
      ? undefined
      : `What is in ${settings.PERENNIAL_RULES} is refused (${refusal.reason}); revision ${revision} runs.`;
  });
  return async () => {
    unnote();
    await watcher.close();
  };
}
