import { z } from 'zod';
import { PerennialError } from './errors.js';

/**
 * Every setting that comes from the environment: one list, with its default and meaning. `docs/operations.md` prints it.
 * Flags of a command win over the environment.
 */
export const SETTINGS = {
  PERENNIAL_DATA: z.string().min(1).default('./data').describe('Data directory of the embedded ClickHouse.'),
  PERENNIAL_RULES: z.string().min(1).default('./rules').describe('Folder with rules, offers and guardrails.'),
  PERENNIAL_SCORING: z
    .string()
    .min(1)
    .default('./scoring')
    .describe('Folder with signal catalogue, features and scorecards.'),
  PERENNIAL_GRPC: z
    .string()
    .min(1)
    .default('127.0.0.1:50051')
    .describe('Address of the gRPC server; port 0 picks a free one.'),
  PERENNIAL_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe level that is logged.'),
  CLICKHOUSE_URL: z
    .string()
    .default('')
    .describe('ClickHouse server, such as http://localhost:8123/perennial. Empty: embedded.'),
  CLICKHOUSE_USER: z.string().default('default').describe('ClickHouse user.'),
  CLICKHOUSE_PASSWORD: z.string().default('').describe('ClickHouse password.'),
} as const;

const schema = z.object(SETTINGS);
export type Settings = z.infer<typeof schema>;

/** Reads the settings. An empty variable counts as unset. Throws `invalid_argument` naming every wrong one. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new PerennialError('invalid_argument', `Wrong settings: ${faults.join('; ')}`, {
    hint: 'docs/operations.md lists every setting with its default.',
  });
}
