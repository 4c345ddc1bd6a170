import { distance } from 'fastest-levenshtein';
import { nearest } from './nearest-name.js';
import { SETTING_NAMES } from './settings.js';

/** What Kubernetes adds for a service that is named like us, such as PERENNIAL_SERVICE_HOST and PERENNIAL_PORT_50051_TCP_ADDR. */
const OF_A_SERVICE = /_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP)\w*)?$/;
/** Letters that a misspelt name is away from what was meant. More, and it may be the name of something else. */
const SLIP = 2;

/**
 * Variables that look like settings and are none, each as a sentence: nothing reads them, and nobody would notice. Whatever begins
 * with PERENNIAL_, what is a slip away from a setting, and files for settings that are no secrets.
 */
export function unreadSettings(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter((name) => !SETTING_NAMES.includes(name) && !OF_A_SERVICE.test(name))
    .sort()
    .flatMap((name) => unread(name) ?? []);
}

function unread(name: string): string | undefined {
  const upper = name.toUpperCase();
  const value = upper.replace(/_FILE$/, '');
  if (value !== upper && SETTING_NAMES.includes(value))
    return `Nothing reads ${name}: only secrets come from files. Set ${value}.`;
  const near = SETTING_NAMES.find((known) => distance(upper, known) <= SLIP);
  const meant = near ?? (upper.startsWith('PERENNIAL_') ? nearest(upper, SETTING_NAMES) : undefined);
  if (meant !== undefined) return `Nothing reads ${name}: did you mean ${meant}?`;
  return upper.startsWith('PERENNIAL_') ? `Nothing reads ${name}.` : undefined;
}
