import { readFileSync } from 'node:fs';
import { Kafka, type KafkaConfig, logLevel, type Mechanism, type SASLOptions } from 'kafkajs';
import { parseAddress } from '../core/address.js';
import { onwardClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Settings } from '../core/settings.js';
import { type Logger, silentLogger } from '../telemetry/log.js';
import { bearerMechanism } from './bearer-mechanism.js';
import { framedSocketFactory } from './framed-socket.js';
import { mendRequestTimer } from './internals/request-timer.js';
import { kafkaLogCreator } from './log-creator.js';
import { OAuthTokens } from './oauth-token.js';
import { deadLetterTopic } from './topics.js';

/**
 * The one way to a Kafka client: addresses, TLS and SASL by settings, and kafkajs's log lines in ours. Throws
 * `invalid_argument` when the settings don't fit together; nothing is connected yet.
 */
export function createKafka(settings: Settings, logger: Logger): Kafka {
  prepareKafkajs();
  return new Kafka(kafkaConfig(settings, logger));
}

/** What kafkajs lacks, once for the process. Calling it again does no harm. */
function prepareKafkajs(): void {
  mendRequestTimer();
}

/** A client that gives a request up soon, to find out whether brokers answer. */
export function watchingKafka(settings: Settings): Kafka {
  prepareKafkajs();
  return new Kafka({
    ...kafkaConfig(settings, silentLogger()),
    connectionTimeout: 3_000,
    authenticationTimeout: 3_000,
    requestTimeout: 3_000,
    retry: { retries: 0 },
  });
}

/** Throws as `createKafka` would, before anything else is opened. */
export function checkKafkaSettings(settings: Settings): void {
  deadLetterTopic(settings);
  kafkaConfig(settings, silentLogger());
}

function kafkaConfig(settings: Settings, logger: Logger): KafkaConfig {
  const brokers = brokersOf(settings);
  if (brokers.length === 0)
    throw new PerennialError('invalid_argument', 'No Kafka broker is set.', {
      hint: 'Set KAFKA_BROKERS to host:port of one or more brokers, separated by commas. Without Kafka, perennial up runs all roles.',
    });
  for (const broker of brokers) checkAddress(broker);
  const sasl = saslOf(settings);
  return {
    clientId: settings.KAFKA_CLIENT_ID,
    brokers: [...brokers],
    ssl: tlsOf(settings),
    ...(sasl === undefined ? {} : { sasl }),
    socketFactory: framedSocketFactory,
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    // Some ten seconds: about as long as an election or a broker's restart. What lasts longer ends the session, and
    // its owner starts a new one with a back-off of its own. With short pauses, since a broker may be back at any moment.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 13 },
    logLevel: logLevel.DEBUG,
    logCreator: kafkaLogCreator(logger),
  };
}

/** The broker addresses of the settings; empty: Kafka is not in use. */
export function brokersOf(settings: Settings): readonly string[] {
  return settings.KAFKA_BROKERS.split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
}

/** A client would take what is no address for a broker that is away, and wait for it. */
function checkAddress(broker: string): void {
  try {
    if (parseAddress(broker, 'KAFKA_BROKERS').port > 0) return;
  } catch {
    // What it says is for addresses to listen on.
  }
  throw new PerennialError('invalid_argument', `KAFKA_BROKERS: ${broker} is not host:port.`, {
    hint: 'Write it as kafka-1:9092, without a protocol; several are separated by commas.',
  });
}

/** As the files are when a connection is made: a certificate that was renewed needs no restart. */
function tlsOf(settings: Settings): NonNullable<KafkaConfig['ssl']> {
  const { KAFKA_TLS_CA: ca, KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key } = settings;
  if ((cert === '') !== (key === ''))
    throw new PerennialError(
      'invalid_argument',
      'KAFKA_TLS_CERT and KAFKA_TLS_KEY are needed both or neither.',
    );
  if (!settings.KAFKA_TLS) {
    if (ca === '' && cert === '') return false;
    throw new PerennialError('invalid_argument', 'Certificates for Kafka are set, but TLS is off.', {
      hint: 'Set KAFKA_TLS=true.',
    });
  }
  const files = {
    ...(ca === '' ? {} : { ca: pem('KAFKA_TLS_CA', ca) }),
    ...(cert === '' ? {} : { cert: pem('KAFKA_TLS_CERT', cert), key: pem('KAFKA_TLS_KEY', key) }),
  };
  // kafkajs hands the object to framedSocketFactory, which takes its properties for each connection.
  const tls: NonNullable<KafkaConfig['ssl']> = {};
  for (const [name, get] of Object.entries(files))
    Object.defineProperty(tls, name, { enumerable: true, get });
  return tls;
}

/** The contents of a file as it is now; those of before while it can't be read. Throws when it can't be read at all. */
function pem(setting: string, path: string): () => string {
  const read = () => {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw new PerennialError('invalid_argument', `${setting}: the file ${path} can't be read.`, { cause });
    }
    if (text.includes('-----BEGIN ')) return text;
    throw new PerennialError('invalid_argument', `${setting}: the file ${path} is no PEM.`);
  };
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // It is being replaced.
    }
    return last;
  };
}

function saslOf(settings: Settings): SASLOptions | Mechanism | undefined {
  const { KAFKA_SASL: mechanism, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = settings;
  if (mechanism === 'oauthbearer') return bearerOf(settings);
  if (settings.KAFKA_OAUTH_TOKEN_URL !== '')
    throw new PerennialError(
      'invalid_argument',
      'KAFKA_OAUTH_TOKEN_URL is set, but KAFKA_SASL is not oauthbearer.',
    );
  if (mechanism === 'none') {
    if (username === '' && password === '') return undefined;
    throw new PerennialError('invalid_argument', 'A Kafka user or password is set, but no SASL mechanism.', {
      hint: 'Set KAFKA_SASL to plain, scram-sha-256 or scram-sha-512.',
    });
  }
  if (username === '' || password === '')
    throw new PerennialError(
      'invalid_argument',
      `KAFKA_SASL=${mechanism} needs KAFKA_USERNAME and KAFKA_PASSWORD.`,
    );
  return { mechanism, username, password } as SASLOptions;
}

function bearerOf(settings: Settings): Mechanism {
  const clientId = settings.KAFKA_OAUTH_CLIENT_ID;
  const clientSecret = settings.KAFKA_OAUTH_CLIENT_SECRET;
  if (settings.KAFKA_OAUTH_TOKEN_URL === '' || clientId === '' || clientSecret === '')
    throw new PerennialError(
      'invalid_argument',
      'KAFKA_SASL=oauthbearer needs KAFKA_OAUTH_TOKEN_URL, KAFKA_OAUTH_CLIENT_ID and KAFKA_OAUTH_CLIENT_SECRET.',
    );
  const tokenUrl = tokenUrlOf(settings.KAFKA_OAUTH_TOKEN_URL);
  const tokens = new OAuthTokens(
    { tokenUrl, clientId, clientSecret, scope: settings.KAFKA_OAUTH_SCOPE },
    onwardClock(),
  );
  return bearerMechanism(tokens, tokenUrl);
}

function tokenUrlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return url;
  throw new PerennialError(
    'invalid_argument',
    'KAFKA_OAUTH_TOKEN_URL is no URL of https: the secret would go over the network as it is.',
    { hint: 'It looks like https://issuer.example/oauth2/token; http is for this machine only.' },
  );
}
