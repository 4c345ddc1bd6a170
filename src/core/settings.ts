import { z } from 'zod';
import { LIMITS } from './limits.js';

/** A whole number within bounds, from text. */
const count = (least: number, most: number) => {
  const error = `Has to be a whole number from ${least} to ${most}, without a unit.`;
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
};

/** Days for which something is kept: empty leaves it as it is, 0 is for ever. */
const days = (least = 1) =>
  z.union([z.literal(''), z.literal('0').transform(() => 0), count(least, 36_500)]).default('');

/**
 * Every setting that comes from the environment: one list, with its default and meaning. `docs/operations.md` prints it.
 * Flags of a command win over the environment.
 */
export const SETTINGS = {
  PERENNIAL_CONFIG: z
    .string()
    .default('')
    .describe(
      'YAML file of settings by these names, as NAME: value; the environment wins over it. Empty: none.',
    ),
  PERENNIAL_DATA: z.string().min(1).default('./data').describe('Data directory of the embedded ClickHouse.'),
  PERENNIAL_RULES: z.string().min(1).default('./rules').describe('Folder with rules, offers and guardrails.'),
  PERENNIAL_RULES_SETTLE_MS: count(20, 60_000)
    .default(1_000)
    .describe('Milliseconds for which files of the rules folder have to stand still before they count.'),
  PERENNIAL_RULES_HOLD_MS: count(0, 3_600_000)
    .default(30_000)
    .describe('Milliseconds for which a set that has lost rules or guardrails has to stand still.'),
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
  PERENNIAL_CONNECT: z
    .string()
    .default('')
    .describe(
      'Address of the API over HTTP with JSON, or off. Empty: the port after that of PERENNIAL_GRPC where that is this machine, else off.',
    ),
  PERENNIAL_CORS_ORIGINS: z
    .string()
    .default('')
    .describe('Origins whose pages may call the API from a browser, separated by commas. Empty: none.'),
  PERENNIAL_SERVER: z
    .string()
    .default('')
    .describe(
      'API that commands ask, as host:port. Empty: the process that holds the data directory, else the store itself.',
    ),
  PERENNIAL_TOKEN: z.string().default('').describe('Bearer token that commands show to PERENNIAL_SERVER.'),
  PERENNIAL_SERVER_CA: z
    .string()
    .default('')
    .describe(
      "PEM file of the authority that signed the certificate of PERENNIAL_SERVER. Empty: the system's; no TLS on this machine.",
    ),
  PERENNIAL_CLIENT_CERT: z
    .string()
    .default('')
    .describe('PEM file of the certificate that commands show to PERENNIAL_SERVER, where it asks for one.'),
  PERENNIAL_CLIENT_KEY: z.string().default('').describe('PEM file of its private key.'),
  PERENNIAL_ACCESS: z
    .string()
    .default('')
    .describe('File of who may call the API: tokens, certificates, JWT. Empty: everyone who can reach it.'),
  PERENNIAL_TLS_CERT: z
    .string()
    .default('')
    .describe("PEM file of the API's certificate chain; read again when it changes. Empty: no TLS."),
  PERENNIAL_TLS_KEY: z.string().default('').describe("PEM file of the API's private key."),
  PERENNIAL_TLS_CLIENT_CA: z
    .string()
    .default('')
    .describe('PEM file of the authority of client certificates. Set: every client must have one.'),
  PERENNIAL_AUDIT_LOG: z
    .string()
    .default('')
    .describe('File of who changed what and saw what is personal. Empty: the log.'),
  PERENNIAL_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe level that is logged.'),
  PERENNIAL_LOG_STATEMENTS: z
    .stringbool()
    .default(false)
    .describe(
      'Whether `perennial clickhouse` and `up --clickhouse-port` log every SQL statement with its user.',
    ),
  CLICKHOUSE_URL: z
    .string()
    .default('')
    .describe('ClickHouse server, such as http://localhost:8123/perennial. Empty: embedded.'),
  CLICKHOUSE_USER: z.string().default('default').describe('ClickHouse user.'),
  CLICKHOUSE_PASSWORD: z.string().default('').describe('ClickHouse password.'),
  CLICKHOUSE_TLS_CA: z
    .string()
    .default('')
    .describe(
      "PEM file of the authority that signed ClickHouse's certificate, for https. Empty: the system's.",
    ),
  KAFKA_BROKERS: z
    .string()
    .default('')
    .describe('Kafka brokers as host:port, separated by commas. Empty: no Kafka.'),
  KAFKA_CLIENT_ID: z.string().min(1).default('perennial').describe('Name of this client in broker logs.'),
  KAFKA_GROUP: z
    .string()
    .min(1)
    .default('perennial')
    .describe('First part of the consumer groups: <group>-ingest and <group>-score.'),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{0,200}$/, {
      error: 'Names of topics have letters, digits, dots, hyphens and underscores only.',
    })
    .default('perennial.')
    .describe('First part of every topic name. Empty: none.'),
  KAFKA_PARTITIONS: count(1, 1_000)
    .default(12)
    .describe('Partitions of a topic that `topics create` makes. All topics have as many.'),
  KAFKA_REPLICATION: count(1, 9)
    .default(3)
    .describe('Copies of a topic that `topics create` makes, at most as many as there are brokers.'),
  KAFKA_RETENTION_DAYS: count(1, 3_650).default(14).describe('Days that signals are kept in Kafka.'),
  KAFKA_TLS: z.stringbool().default(false).describe('Whether brokers are reached by TLS.'),
  KAFKA_TLS_CA: z
    .string()
    .default('')
    .describe(
      "PEM file of the brokers' certificate authority; read again with each connection. Empty: the system's.",
    ),
  KAFKA_TLS_CERT: z
    .string()
    .default('')
    .describe("PEM file of the client's certificate, for mutual TLS; read again with each connection."),
  KAFKA_TLS_KEY: z.string().default('').describe("PEM file of the client's private key, for mutual TLS."),
  KAFKA_SASL: z
    .enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'])
    .default('none')
    .describe('SASL mechanism of the brokers.'),
  KAFKA_USERNAME: z.string().default('').describe('SASL user.'),
  KAFKA_PASSWORD: z.string().default('').describe('SASL password.'),
  KAFKA_OAUTH_TOKEN_URL: z
    .string()
    .default('')
    .describe(
      'Where tokens for KAFKA_SASL=oauthbearer are had, by the grant of client credentials: https, or http on this machine.',
    ),
  KAFKA_OAUTH_CLIENT_ID: z.string().default('').describe('Client that asks for tokens.'),
  KAFKA_OAUTH_CLIENT_SECRET: z.string().default('').describe('Its secret.'),
  KAFKA_OAUTH_SCOPE: z
    .string()
    .default('')
    .describe('Scope of the tokens. Empty: what the issuer gives by itself.'),
  KAFKA_SESSION_MS: count(1_000, 600_000)
    .default(15_000)
    .describe('Milliseconds without a heartbeat until the group gives the partitions to others.'),
  KAFKA_REBALANCE_MS: count(1_000, 3_600_000)
    .default(300_000)
    .describe(
      'Milliseconds that the group waits, when members come or go, for one that is at work: longer than the longest pass over touched accounts.',
    ),
  KAFKA_DEAD_LETTERS: z
    .string()
    .default('')
    .describe('Topic that rejected messages are copied to, beside rejected_signals. Empty: none.'),
  KAFKA_POISON_RATIO: z.coerce
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Share of rejected messages, over KAFKA_POISON_WINDOW of a partition, that stops it.'),
  KAFKA_POISON_WINDOW: count(1, 1_000_000)
    .default(1_000)
    .describe('Latest messages of a partition that the share is taken over.'),
  KAFKA_POISON_RUN: count(1, 1_000_000)
    .default(200)
    .describe('Rejected messages in a row that stop a partition.'),
  KAFKA_LAG_LIMIT_S: count(1, 31_536_000)
    .default(900)
    .describe('Seconds of lag from which the process is not ready.'),
  KAFKA_STUCK_MS: count(1_000, 3_600_000)
    .default(15_000)
    .describe(
      'Milliseconds without a turn of the consumer loop until it counts as stuck and is started anew.',
    ),
  INGEST_BATCH_ROWS: count(1, LIMITS.insertRows).default(40_000).describe('Most rows of one insert.'),
  INGEST_BATCH_BYTES: count(1_024, 268_435_456)
    .default(16_777_216)
    .describe('Most message bytes of one insert.'),
  INGEST_BATCH_MS: count(1, 60_000)
    .default(250)
    .describe(
      'Longest time in milliseconds that a message waits for others of its insert, once a place for it is free.',
    ),
  INGEST_IN_FLIGHT: count(1, 16).default(2).describe('Inserts in progress at once.'),
  SCORE_BATCH_TOUCHES: count(1, 1_000_000)
    .default(50_000)
    .describe(
      'Most messages of touched accounts in one pass; an account counts once, however often touched.',
    ),
  SCORE_BATCH_MS: count(1, 60_000)
    .default(25)
    .describe(
      'Longest time in milliseconds that a touched account waits for others, once no pass is running.',
    ),
  SCORE_RESCORE_MINUTES: count(0, 10_080)
    .default(60)
    .describe('Minutes between two rescores of everyone: silence and nearing renewals raise risk. 0: never.'),
  SCORE_DRIFT_HOURS: count(0, 720)
    .default(24)
    .describe(
      'Hours between two checks whether scorecards still meet customers and outcomes (perennial scorecard drift). 0: never.',
    ),
  PERENNIAL_KEEP_SIGNALS_DAYS: days().describe(
    'Days that signals are kept in the store, from when they happened; 0: for ever. Empty: as it is, at first for ever.',
  ),
  PERENNIAL_KEEP_REJECTED_DAYS: days().describe(
    'Days that rejected messages are kept; 0: for ever. Empty: as it is, at first for ever.',
  ),
  PERENNIAL_KEEP_RISKS_DAYS: days().describe(
    'Days that risk_history goes back; 0: for ever. Empty: as it is, at first for ever. Risks of now stay.',
  ),
  PERENNIAL_KEEP_EVENTS_DAYS: days(180).describe(
    'Days that decision_events goes back, at least 180; 0: for ever. Empty: as it is, at first for ever. Decisions themselves stay.',
  ),
  PERENNIAL_KEEP_SUPPRESSIONS_DAYS: days().describe(
    'Days that suppressions go back; 0: for ever. Empty: as it is, at first 180.',
  ),
  PERENNIAL_KEEP_MOMENTS_DAYS: days().describe(
    'Days that moments of truth are kept; 0: for ever. Empty: as it is, at first for ever.',
  ),
  PERENNIAL_KEEP_RUNS_DAYS: days().describe(
    'Days that named runs are kept after they ran; 0: for ever. Empty: as it is, at first for ever.',
  ),
  PERENNIAL_DISK_FREE_PERCENT: count(0, 100)
    .default(10)
    .describe(
      "Per cent of the store's disk that should be free: with less, health and `doctor` say so and an alarm fires. 0: never.",
    ),
  PERENNIAL_DRAIN_MS: count(0, 600_000)
    .default(0)
    .describe(
      'Milliseconds between the moment in which readiness fails on SIGTERM and the one in which work and listeners are stopped: as long as a load balancer takes to notice.',
    ),
  PERENNIAL_HTTP: z
    .string()
    .default('127.0.0.1:9464')
    .describe('Address of /livez, /readyz and /metrics; port 0 picks a free one. Empty: none.'),
} as const;

export const settingsSchema = z.object(SETTINGS);
export type Settings = z.infer<typeof settingsSchema>;

/** Settings that are secret: `<NAME>_FILE` names a file that holds the value, as secrets are mounted. */
export const SECRETS = [
  'CLICKHOUSE_PASSWORD',
  'KAFKA_PASSWORD',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'PERENNIAL_TOKEN',
] as const satisfies readonly (keyof Settings)[];

/** Where an empty variable means something else than one that is not there. */
export const EMPTY_COUNTS: ReadonlySet<string> = new Set([
  'PERENNIAL_HTTP',
  'KAFKA_TOPIC_PREFIX',
] satisfies (keyof Settings)[]);

/** Names of variables that say a setting: those of secrets may name a file instead. */
export const SETTING_NAMES: readonly string[] = [
  ...Object.keys(SETTINGS),
  ...SECRETS.map((name) => `${name}_FILE`),
];
