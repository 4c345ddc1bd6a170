import { readFileSync } from 'node:fs';
import { PerennialError } from './errors.js';
import { EMPTY_COUNTS, SECRETS, SETTING_NAMES, type Settings, settingsSchema } from './settings.js';
import { readSettingsFile } from './settings-file.js';

/**
 * Reads the settings: what flags of a command say, then the environment, then the file of PERENNIAL_CONFIG, then the defaults. An
 * empty variable counts as unset, but for those whose emptiness has a meaning; an empty flag takes the default, whatever environment
 * and file say. Throws `invalid_argument` naming every wrong one.
 */
export function readSettings(
  env: NodeJS.ProcessEnv,
  flags: Readonly<Partial<Record<keyof Settings, string>>> = {},
): Settings {
  const set = given(env);
  for (const [name, value] of Object.entries(flags)) {
    if (value === '') delete set[name];
    else set[name] = value;
  }
  for (const name of SECRETS) {
    const path = set[`${name}_FILE`];
    if (path !== undefined) set[name] = secretIn(path, name, set[name]);
  }
  const parsed = settingsSchema.safeParse(set);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new PerennialError('invalid_argument', `Wrong settings: ${faults.join('; ')}`, {
    hint: 'docs/operations.md lists every setting with its default.',
  });
}

function given(env: NodeJS.ProcessEnv): Record<string, string> {
  const fromEnv = withoutEmpty(env);
  const path = fromEnv.PERENNIAL_CONFIG;
  if (path === undefined) return fromEnv;
  const known = SETTING_NAMES.filter((name) => name !== 'PERENNIAL_CONFIG');
  const fromFile = withoutEmpty(readSettingsFile(path, known));
  // A secret and the file of a secret are two ways to say one thing.
  for (const name of SECRETS)
    if (name in fromEnv || `${name}_FILE` in fromEnv) {
      delete fromFile[name];
      delete fromFile[`${name}_FILE`];
    }
  return { ...fromFile, ...fromEnv };
}

function withoutEmpty(from: NodeJS.ProcessEnv): Record<string, string> {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(from))
    if (value !== undefined && (value !== '' || EMPTY_COUNTS.has(name))) set[name] = value;
  return set;
}

/** A secret as it is mounted: the text of a file, without the line end that editors add. */
function secretIn(path: string, name: string, given: string | undefined): string {
  if (given !== undefined)
    throw new PerennialError('invalid_argument', `Both ${name} and ${name}_FILE are set.`, {
      hint: 'Set one of them.',
    });
  let secret: string;
  try {
    secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    throw new PerennialError(
      'invalid_argument',
      `${name}_FILE names a file that can't be read (${code}): ${path}`,
      { cause: thrown },
    );
  }
  if (secret !== '') return secret;
  throw new PerennialError('invalid_argument', `${name}_FILE names a file that is empty: ${path}`, {
    hint: `Write the secret into it, or unset ${name}_FILE.`,
  });
}
