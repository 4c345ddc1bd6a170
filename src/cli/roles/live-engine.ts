import { DAY_MS, systemClock } from '../../core/clock.js';
import { loadStartDefinitions } from '../../engine/definitions.js';
import { DriftWatch } from '../../engine/drift-watch.js';
import { Engine, type EngineOptions } from '../../engine/engine.js';
import { lookbackDays } from '../../features/lookback.js';
import { settling } from '../open-engine.js';
import type { Role } from '../role.js';
import { watchRules } from '../rule-reload.js';

const HOUR_MS = DAY_MS / 24;

interface LiveEngineOptions extends Pick<EngineOptions, 'fullRescoreEveryMs' | 'latestRisks'> {
  /** @default true */
  readonly decides?: boolean;
}

/**
 * An engine under the files of the settings for as long as the work lasts. It takes changed rules into use while it runs,
 * whether it scores or only explains. In the end it scores what was touched. `decides`: whether it opens decisions.
 */
export async function withLiveEngine(
  role: Role,
  { decides = true, ...options }: LiveEngineOptions,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const { settings, logger, metrics, store, waits } = role;
  const folders = { scoring: settings.PERENNIAL_SCORING, rules: settings.PERENNIAL_RULES };
  const start = await waits.until('the store', () =>
    loadStartDefinitions(store, folders, settling(settings)),
  );
  const { scoring, plan } = start;
  const [kept, back] = [settings.PERENNIAL_KEEP_SIGNALS_DAYS, lookbackDays(scoring.catalogue)];
  if (kept !== '' && kept > 0 && kept < back)
    logger.warn({ kept, back }, 'Signals are kept for fewer days than features look back');
  const engine = new Engine({
    ...options,
    store,
    definitions: { scoring, plan },
    clock: systemClock,
    log: logger,
    metrics,
  });
  const reload = await watchRules(role, engine, start, decides);
  const drift = new DriftWatch({
    ...{ store, logger, metrics, clock: systemClock },
    scoring: () => engine.definitions.scoring,
    everyMs: decides ? settings.SCORE_DRIFT_HOURS * HOUR_MS : 0,
  });
  drift.start();
  try {
    await work(engine);
  } finally {
    await drift.stop();
    await reload.close();
    await engine.stop();
  }
}
