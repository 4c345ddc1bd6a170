import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { SETTINGS } from '../../src/core/settings.js';
import { unreadSettings } from '../../src/core/unread-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
function config(text: string): string {
  const path = join(folder, `${Math.random()}.yaml`);
  writeFileSync(path, text);
  return path;
}

describe('an empty variable', () => {
  // Bug (D11): PERENNIAL_HTTP= still served health and metrics.
  it('means empty where that has a meaning of its own', () => {
    expect(readSettings({ PERENNIAL_HTTP: '' }).PERENNIAL_HTTP).toBe('');
    expect(readSettings({ KAFKA_TOPIC_PREFIX: '' }).KAFKA_TOPIC_PREFIX).toBe('');
  });

  it('counts as unset everywhere else, numbers above all', () => {
    const empty = Object.fromEntries(
      Object.keys(SETTINGS)
        .filter((name) => !['PERENNIAL_HTTP', 'KAFKA_TOPIC_PREFIX'].includes(name))
        .map((name) => [name, '']),
    );
    expect(readSettings(empty)).toEqual(readSettings({}));
  });

  it('is described as having a meaning exactly where its default is something else', () => {
    for (const [name, schema] of Object.entries(SETTINGS)) {
      const value = schema.parse(undefined);
      const meant = /Empty: none\./.test(schema.description ?? '') && value !== '';
      expect(readSettings({ [name]: '' })[name as keyof typeof SETTINGS], name).toBe(meant ? '' : value);
    }
  });
});

describe('a file of settings', () => {
  it('is read as NAME: value, and the environment wins over it', () => {
    const path = config(
      "KAFKA_BROKERS: a:9092,b:9092\nKAFKA_TLS: true\nKAFKA_PASSWORD: '0123'\nINGEST_BATCH_MS: 100\nPERENNIAL_HTTP: ''\n",
    );
    expect(readSettings({ PERENNIAL_CONFIG: path, INGEST_BATCH_MS: '50' })).toMatchObject({
      KAFKA_BROKERS: 'a:9092,b:9092',
      KAFKA_TLS: true,
      KAFKA_PASSWORD: '0123',
      INGEST_BATCH_MS: 50,
      PERENNIAL_HTTP: '',
    });
  });

  it('may name files of secrets, which a secret in the environment replaces', () => {
    const secret = config('from a file\n');
    const path = config(`KAFKA_PASSWORD_FILE: ${secret}\n`);
    expect(readSettings({ PERENNIAL_CONFIG: path }).KAFKA_PASSWORD).toBe('from a file');
    expect(readSettings({ PERENNIAL_CONFIG: path, KAFKA_PASSWORD: 'given' }).KAFKA_PASSWORD).toBe('given');
  });

  it('that is wrong is refused with the place of everything that is wrong in it', () => {
    const path = config('KAFKA_BROKER: a:9092\nKAFKA_TLS: [true]\n');
    expect(() => readSettings({ PERENNIAL_CONFIG: path })).toThrow(
      `${path}:1:1: error: There is no setting \`KAFKA_BROKER\`. (did you mean \`KAFKA_BROKERS\`?)`,
    );
    expect(() => readSettings({ PERENNIAL_CONFIG: path })).toThrow(
      `${path}:2:12: error: \`KAFKA_TLS\` has to be`,
    );
    expect(() => readSettings({ PERENNIAL_CONFIG: config('- a\n') })).toThrow('list of settings');
    expect(() => readSettings({ PERENNIAL_CONFIG: join(folder, 'nothing.yaml') })).toThrow("can't be read");
    expect(readSettings({ PERENNIAL_CONFIG: config('# nothing yet\n') })).toEqual({
      ...readSettings({}),
      PERENNIAL_CONFIG: expect.any(String),
    });
  });

  // Bug: `--data ./x` read the server that the file named.
  it('gives way to flags of a command, those that empty a setting included', () => {
    const path = config('CLICKHOUSE_URL: http://a:8123/b\nPERENNIAL_DATA: ./of-the-file\n');
    const env = { PERENNIAL_CONFIG: path, PERENNIAL_SERVER: 'a:1' };
    expect(
      readSettings(env, { PERENNIAL_DATA: './x', CLICKHOUSE_URL: '', PERENNIAL_SERVER: '' }),
    ).toMatchObject({
      PERENNIAL_DATA: './x',
      CLICKHOUSE_URL: '',
      PERENNIAL_SERVER: '',
    });
  });
});

// Bug: KAFKA_BROKER=kafka:9092 was read by nothing and said by nothing, and the role asked for a broker.
describe('a variable that is nearly a setting', () => {
  it.each([
    ['KAFKA_BROKER', 'Nothing reads KAFKA_BROKER: did you mean KAFKA_BROKERS?'],
    ['KAFAK_BROKERS', 'Nothing reads KAFAK_BROKERS: did you mean KAFKA_BROKERS?'],
    ['kafka_brokers', 'Nothing reads kafka_brokers: did you mean KAFKA_BROKERS?'],
    ['CLICKHOUSE_URI', 'Nothing reads CLICKHOUSE_URI: did you mean CLICKHOUSE_URL?'],
    ['INGEST_BATCH_ROW', 'Nothing reads INGEST_BATCH_ROW: did you mean INGEST_BATCH_ROWS?'],
    ['KAFKA_PASSWORD_FIL', 'Nothing reads KAFKA_PASSWORD_FIL: did you mean KAFKA_PASSWORD_FILE?'],
    [
      'KAFKA_USERNAME_FILE',
      'Nothing reads KAFKA_USERNAME_FILE: only secrets come from files. Set KAFKA_USERNAME.',
    ],
    ['PERENNIAL_DATA_DIR', 'Nothing reads PERENNIAL_DATA_DIR: did you mean PERENNIAL_DATA?'],
  ])('%s is named', (name, said) => {
    expect(unreadSettings({ [name]: 'x' })).toEqual([said]);
  });

  it('is not what belongs to something else, and no setting itself', () => {
    const others = ['PATH', 'KAFKA_HEAP_OPTS', 'KAFKA_OPTS', 'CLICKHOUSE_DB', 'CLICKHOUSE_HOST', 'JAVA_HOME'];
    const ofAService = [
      'PERENNIAL_SERVICE_HOST',
      'PERENNIAL_PORT',
      'PERENNIAL_PORT_50051_TCP_ADDR',
      'KAFKA_PORT',
    ];
    const names = [...others, ...ofAService, ...Object.keys(SETTINGS), 'KAFKA_PASSWORD_FILE'];
    expect(unreadSettings(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual([]);
  });
});

describe('a wrong value', () => {
  // Bug: "expected number, received NaN", a topic that "does not exist", and a password that was said to be missing.
  it.each([
    [{ KAFKA_SESSION_MS: '15s' }, 'KAFKA_SESSION_MS: Has to be a whole number from 1000 to '],
    [{ KAFKA_PARTITIONS: '0' }, 'KAFKA_PARTITIONS: Has to be a whole number from 1 to 1000, without a unit.'],
    [
      { KAFKA_PARTITIONS: '1.5' },
      'KAFKA_PARTITIONS: Has to be a whole number from 1 to 1000, without a unit.',
    ],
    [{ KAFKA_TOPIC_PREFIX: 'a b.' }, 'KAFKA_TOPIC_PREFIX: Names of topics have letters'],
  ])('%o is said with what is right', (env, said) => {
    expect(() => readSettings(env)).toThrow(said);
  });

  it('in the file of a secret is named with the file', () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');
    expect(() => readSettings({ KAFKA_PASSWORD_FILE: empty })).toThrow(
      `KAFKA_PASSWORD_FILE names a file that is empty: ${empty}`,
    );
    expect(() => readSettings({ KAFKA_PASSWORD_FILE: join(folder, 'none') })).toThrow('(ENOENT)');
  });
});
