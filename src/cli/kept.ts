import type { Settings } from '../core/settings.js';
import type { Keep, KeptKind } from '../store/retention.js';

const SETTING_OF = {
  signals: 'PERENNIAL_KEEP_SIGNALS_DAYS',
  rejected: 'PERENNIAL_KEEP_REJECTED_DAYS',
  risks: 'PERENNIAL_KEEP_RISKS_DAYS',
  events: 'PERENNIAL_KEEP_EVENTS_DAYS',
  suppressions: 'PERENNIAL_KEEP_SUPPRESSIONS_DAYS',
  moments: 'PERENNIAL_KEEP_MOMENTS_DAYS',
  runs: 'PERENNIAL_KEEP_RUNS_DAYS',
} as const satisfies Record<KeptKind, keyof Settings>;

/** What the settings say of how long things are kept; what they leave open is not named. */
export function keptBy(settings: Settings): Keep {
  const said = Object.entries(SETTING_OF).map(([kind, name]) => [kind, settings[name]] as const);
  return Object.fromEntries(said.filter(([, days]) => days !== ''));
}
