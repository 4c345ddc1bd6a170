import { systemClock } from '../../core/clock.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Engine, type EngineOptions } from '../../engine/engine.js';
import type { Role } from '../role.js';
import { watchRules } from '../rule-reload.js';

/**
 * An engine under the files of the settings for as long as the work lasts. Changed rules are put in force while it runs: for
 * who scores as for who explains. In the end it scores what was touched.
 */
export async function withLiveEngine(
  role: Role,
  options: Pick<EngineOptions, 'fullRescoreEveryMs' | 'latestRisks'>,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const { settings, logger, store } = role;
  const definitions = await loadDefinitions(store, settings.PERENNIAL_SCORING, settings.PERENNIAL_RULES);
  const engine = new Engine({ ...options, store, definitions, clock: systemClock, log: logger });
  const unwatch = await watchRules(role, engine);
  try {
    await work(engine);
  } finally {
    await unwatch();
    await engine.stop();
  }
}
