import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSettings } from '../../src/core/read-settings.js';
import { checkKafkaSettings, createKafka, watchingKafka } from '../../src/kafka/client.js';
import { ConfirmedProducer } from '../../src/kafka/confirmed-producer.js';
import { withAdmin } from '../../src/kafka/topic-admin.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import { startFeed } from '../support/feed.js';
import { describeWithOwnKafka, ownCluster, unique } from '../support/kafka.js';
import type { KafkaCluster } from '../support/kafka-cluster.js';
import { tokenIssuer } from '../support/token-issuer.js';

const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
const OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required';
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';

function keytool(...args: string[]) {
  const done = spawnSync('keytool', [...args, '-storepass', 'changeit', '-storetype', 'PKCS12'], {
    encoding: 'utf8',
  });
  expect(done.stderr + done.stdout, args[0]).not.toContain('error:');
}

/** A broker's key in a store of its own, and its certificate beside it: it is its own authority. */
function brokerKey(folder: string, store: string) {
  const named = ['-alias', 'broker', '-keystore', store];
  keytool('-genkeypair', '-keyalg', 'RSA', '-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1', ...named);
  keytool('-exportcert', '-rfc', '-file', join(folder, 'ca.pem'), ...named);
}

describeWithOwnKafka('a cluster with TLS and SASL', () => {
  let cluster: KafkaCluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-tls-'));
    const store = join(folder, 'broker.p12');
    brokerKey(folder, store);
    cluster = await ownCluster({
      protocol: 'SASL_SSL',
      format: [
        '--add-scram',
        'SCRAM-SHA-256=[name=alice,password=wonder]',
        '--add-scram',
        'SCRAM-SHA-512=[name=alice,password=wonder]',
      ],
      properties: {
        'ssl.keystore.location': store,
        'ssl.keystore.password': 'changeit',
        'ssl.truststore.location': store,
        'ssl.truststore.password': 'changeit',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
        'sasl.mechanism.inter.broker.protocol': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config': `${PLAIN} username="broker" password="b" user_broker="b" user_alice="wonder";`,
        'listener.name.client.scram-sha-256.sasl.jaas.config': `${SCRAM};`,
        'listener.name.client.scram-sha-512.sasl.jaas.config': `${SCRAM};`,
        // Without a handler of its own it takes tokens without a signature.
        'listener.name.client.oauthbearer.sasl.jaas.config': `${OAUTH};`,
      },
    });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const settings = (env: Record<string, string>) =>
    readSettings({
      KAFKA_BROKERS: cluster.brokers.join(','),
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA: join(folder, 'ca.pem'),
      ...env,
    });
  const withPassword = (sasl: string, password = 'wonder') =>
    settings({ KAFKA_SASL: sasl, KAFKA_USERNAME: 'alice', KAFKA_PASSWORD: password });
  const withTokenOf = (url: string, secret = 'of mine') =>
    settings({
      KAFKA_SASL: 'oauthbearer',
      KAFKA_OAUTH_TOKEN_URL: url,
      KAFKA_OAUTH_CLIENT_ID: 'perennial',
      KAFKA_OAUTH_CLIENT_SECRET: secret,
    });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('is reached with %s', async (sasl) => {
    const lines: string[] = [];
    const logger = createLogger('debug', { write: (line) => lines.push(line) });
    const admin = createKafka(withPassword(sasl), logger).admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(1);
    await admin.disconnect();
    expect(lines.join('')).not.toContain('wonder');
  });

  it('is reached with oauthbearer, by tokens of an issuer, and not without the right secret', async () => {
    const issuer = await tokenIssuer({ id: 'perennial', secret: 'of mine' });
    const connect = (secret: string) => watchingKafka(withTokenOf(issuer.url, secret));
    const brokers = (kafka: Kafka) =>
      withAdmin(kafka.admin(), async (admin) => (await admin.describeCluster()).brokers.length);
    const right = connect('of mine');
    expect(await brokers(right)).toBe(1);
    expect(await brokers(right)).toBe(1);
    expect(issuer.asked).toHaveLength(1);
    await expect(brokers(connect('of others'))).rejects.toMatchObject({ code: 'permission_denied' });
    issuer.mode = 'fail';
    await expect(brokers(connect('of mine'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(issuer.url),
    });
    issuer.close();
    await expect(brokers(connect('of mine'))).rejects.toThrow(
      /gave no token for Kafka: connect ECONNREFUSED/,
    );
  });

  // Bug: the client took the refusal for consent, and then there were "no brokers in the broker pool".
  it('says that brokers do not accept a token, such as one that has ended', async () => {
    const issuer = await tokenIssuer({ id: 'perennial', secret: 'of mine' }, -60);
    const kafka = watchingKafka(withTokenOf(issuer.url));
    await expect(withAdmin(kafka.admin(), (admin) => admin.describeCluster())).rejects.toMatchObject({
      code: 'permission_denied',
      message: `Kafka does not accept the token that ${issuer.url} gave: invalid_token`,
    });
    // Bug: it was shown again for as long as its issuer had said that it lives, though that gave others by then.
    issuer.lifeSeconds = 3_600;
    await withAdmin(kafka.admin(), (admin) => admin.describeCluster());
    issuer.close();
  });

  it('ends a feed with a sentence about the password when it is wrong, and not with endless tries', async () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    const kafka = createKafka(withPassword('plain', 'wrong'), logger);
    const feed = startFeed(unique('group'), ['any'], { kafka });
    await expect(feed.done).rejects.toMatchObject({
      code: 'permission_denied',
      hint: 'Check KAFKA_SASL, KAFKA_USERNAME and KAFKA_PASSWORD.',
    });
  });

  // Bug: a role ended with "This is a defect of Perennial".
  it('tells a producer and an administrator that the password is wrong, and that TLS is missing', async () => {
    const kafka = createKafka(withPassword('plain', 'wrong'), silentLogger());
    const refused = { code: 'permission_denied', message: 'Kafka refused the user or the password.' };
    await expect(new ConfirmedProducer(kafka).connect()).rejects.toMatchObject(refused);
    await expect(withAdmin(kafka.admin(), async () => {})).rejects.toMatchObject(refused);
    const plain = readSettings({ KAFKA_BROKERS: cluster.brokers.join(',') });
    await expect(new ConfirmedProducer(createKafka(plain, silentLogger())).connect()).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('KAFKA_TLS'),
    });
  });

  it('is refused by settings that do not fit together, before anything connects', () => {
    const check = (env: Record<string, string>) => () =>
      checkKafkaSettings(readSettings({ KAFKA_BROKERS: 'localhost:9092', ...env }));
    expect(check({ KAFKA_SASL: 'plain' })).toThrow('needs KAFKA_USERNAME and KAFKA_PASSWORD');
    expect(check({ KAFKA_SASL: 'oauthbearer' })).toThrow('needs KAFKA_OAUTH_TOKEN_URL');
    const issuer = 'https://issuer.example/token';
    expect(check({ KAFKA_OAUTH_TOKEN_URL: issuer })).toThrow('KAFKA_SASL is not oauthbearer');
    const client = { KAFKA_OAUTH_CLIENT_ID: 'a', KAFKA_OAUTH_CLIENT_SECRET: 'b' };
    const bearer = (url: string) =>
      check({ KAFKA_SASL: 'oauthbearer', KAFKA_OAUTH_TOKEN_URL: url, ...client });
    expect(bearer('http://issuer.example/token')).toThrow('no URL of https');
    expect(bearer(issuer)).not.toThrow();
    expect(check({ KAFKA_USERNAME: 'alice' })).toThrow('no SASL mechanism');
    expect(check({ KAFKA_TLS_CA: join(folder, 'ca.pem') })).toThrow('TLS is off');
    expect(check({ KAFKA_TLS: 'true', KAFKA_TLS_CA: join(folder, 'none.pem') })).toThrow("can't be read");
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});

describeWithOwnKafka('a cluster that knows its clients by certificate', () => {
  let cluster: KafkaCluster;
  let folder: string;
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-mtls-'));
    const store = file('broker.p12');
    brokerKey(folder, store);
    const made = ['-keyout', file('client.key'), '-out', file('client.pem')];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=perennial', ...made],
      {
        stdio: 'ignore',
      },
    );
    keytool('-importcert', '-noprompt', '-alias', 'client', '-file', file('client.pem'), '-keystore', store);
    cluster = await ownCluster({
      protocol: 'SSL',
      properties: {
        'ssl.client.auth': 'required',
        'ssl.keystore.location': store,
        'ssl.keystore.password': 'changeit',
        'ssl.truststore.location': store,
        'ssl.truststore.password': 'changeit',
      },
    });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const kafkaWith = (env: Record<string, string>) =>
    watchingKafka(readSettings({ KAFKA_BROKERS: cluster.brokers.join(','), KAFKA_TLS: 'true', ...env }));
  const brokersOf = (kafka: Kafka) =>
    withAdmin(kafka.admin(), async (admin) => (await admin.describeCluster()).brokers.length);
  const brokersWith = (env: Record<string, string>) => brokersOf(kafkaWith(env));

  it('is reached with KAFKA_TLS_CERT and KAFKA_TLS_KEY, and not without', async () => {
    const ca = { KAFKA_TLS_CA: file('ca.pem') };
    const own = { KAFKA_TLS_CERT: file('client.pem'), KAFKA_TLS_KEY: file('client.key') };
    expect(await brokersWith({ ...ca, ...own })).toBe(1);
    await expect(brokersWith(ca)).rejects.toMatchObject({ code: 'unavailable' });
    // A certificate is renewed by replacing its files: the next connection has it.
    copyFileSync(file('ca.pem'), file('renewed.pem'));
    const renewed = { KAFKA_TLS_CERT: file('renewed.pem'), KAFKA_TLS_KEY: file('client.key') };
    const kafka = kafkaWith({ ...ca, ...renewed });
    await expect(brokersOf(kafka)).rejects.toMatchObject({ code: 'unavailable' });
    copyFileSync(file('client.pem'), file('renewed.pem'));
    expect(await brokersOf(kafka)).toBe(1);
    // The system's authorities do not know this broker.
    await expect(brokersWith(own)).rejects.toThrow(/certificate/);
  });
});
