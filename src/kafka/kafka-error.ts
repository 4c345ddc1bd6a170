import { isCertificateFault } from '../core/certificate-fault.js';
import { PerennialError } from '../core/errors.js';

/** What errors of kafkajs, of Node's sockets and of our own have in common. */
interface KafkaFault {
  readonly name: string;
  readonly message: string;
  /** The broker's name of the error. */
  readonly type?: string;
  readonly code?: unknown;
}

/** Of one message, or of a batch with one such message: the broker will never take it. The others are not concerned. */
const REFUSED_MESSAGE = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);
/** The user lacks a right. */
const REFUSED_USER = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
]);
/** Settings of ours and of the brokers that don't go together, until an operator changes one. */
const REFUSED_SETTINGS = new Set([
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REQUIRED_ACKS',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'GROUP_MAX_SIZE_REACHED',
  'UNSUPPORTED_SASL_MECHANISM',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'POLICY_VIOLATION',
  'SECURITY_DISABLED',
  'INVALID_REQUEST',
]);
/**
 * When a request about topics or the cluster fails at every broker, kafkajs drops the errors, uses null as the response, and throws a
 * TypeError for a property of it.
 */
const WITHOUT_ANSWER = /'(topicMetadata|brokers)'.* null|null \(reading '(topicMetadata|brokers)'\)/;

/** Names that JavaScript gives to what a program does wrong. A broker that is away causes none of them, but for `WITHOUT_ANSWER`. */
const DEFECTS = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError']);

/**
 * Whatever was thrown by or around a Kafka client, as one error, so that every catch is total. What its code means:
 *
 * - `unavailable`: a broker, the network or the group; it passes, or an operator heals it. Trying again is right.
 * - `limit_exceeded`, `invalid_argument`: this message; the broker will never take it.
 * - `permission_denied`, `not_found`, `failed_precondition`: settings, rights or topics; trying again does not help.
 * - `internal`: a defect of Perennial or of the client, or bytes that are no Kafka.
 */
export function kafkaError(thrown: unknown): PerennialError {
  for (const fault of chainOf(thrown)) {
    if (fault instanceof PerennialError) return fault;
    const known = knownFault(fault, thrown);
    if (known !== undefined) return known;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new PerennialError('unavailable', `Kafka does not answer: ${message}`, {
    hint: 'Check KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL, and that the brokers run.',
    cause: thrown,
  });
}

function knownFault(
  { name, type = '', code, message }: KafkaFault,
  cause: unknown,
): PerennialError | undefined {
  if (name === 'KafkaJSSASLAuthenticationError')
    return new PerennialError('permission_denied', 'Kafka refused the user or the password.', {
      hint: 'Check KAFKA_SASL, KAFKA_USERNAME and KAFKA_PASSWORD.',
      cause,
    });
  if (type === 'ILLEGAL_SASL_STATE')
    return new PerennialError('failed_precondition', 'The Kafka listener knows no SASL.', {
      hint: 'Set KAFKA_SASL=none, or name in KAFKA_BROKERS the port of the listener that asks for a user.',
      cause,
    });
  if (name === 'KafkaJSUnsupportedMagicByteInMessageSet' || name === 'KafkaJSNotImplemented')
    return new PerennialError('failed_precondition', `Kafka sent what this client can't read: ${message}`, {
      hint: 'docs/operations.md says in which forms messages may come.',
      cause,
    });
  if (REFUSED_USER.has(type))
    return new PerennialError('permission_denied', `Kafka refused access: ${message}`, {
      hint: "docs/operations.md lists the rights that Perennial's user needs; perennial topics check names topics that it may not see.",
      cause,
    });
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION')
    return new PerennialError('not_found', 'A Kafka topic that Perennial uses does not exist.', {
      hint: 'Create the topics with: perennial topics create. If it is there, the user lacks rights: docs/operations.md lists them.',
      cause,
    });
  if (REFUSED_MESSAGE.has(type)) {
    const tooLarge = type.endsWith('TOO_LARGE');
    return new PerennialError(
      tooLarge ? 'limit_exceeded' : 'invalid_argument',
      `Kafka does not take a message: ${message}`,
      tooLarge ? { hint: "Raise the topic's max.message.bytes, or send less.", cause } : { cause },
    );
  }
  if (REFUSED_SETTINGS.has(type))
    return new PerennialError('failed_precondition', `Kafka refused what was asked of it: ${message}`, {
      hint: 'Compare the settings that begin with KAFKA_ with those of the brokers.',
      cause,
    });
  if (isCertificateFault(code))
    return new PerennialError(
      'unavailable',
      `The certificate of a Kafka broker is not accepted: ${message}`,
      {
        hint: 'Check KAFKA_TLS_CA, and that the certificate has not expired and names the address in KAFKA_BROKERS.',
        cause,
      },
    );
  if (name === 'TypeError' && WITHOUT_ANSWER.test(message))
    return new PerennialError('unavailable', 'No Kafka broker answers.', {
      hint: 'Check that the brokers run.',
      cause,
    });
  if (DEFECTS.has(name))
    return new PerennialError('internal', `An answer of Kafka could not be worked on: ${message}`, { cause });
  return undefined;
}

/** Whether no broker will ever take this message, while others may be fine. */
export function refusesMessage({ code }: PerennialError): boolean {
  return code === 'limit_exceeded' || code === 'invalid_argument';
}

/** Whether settings, rights or topics are at fault, so that an operator has to do something. */
export function needsOperator({ code }: PerennialError): boolean {
  return code === 'permission_denied' || code === 'not_found' || code === 'failed_precondition';
}

function* chainOf(thrown: unknown): Generator<KafkaFault> {
  let current: unknown = thrown;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    yield current as KafkaFault;
    current = (current as { originalError?: unknown }).originalError ?? current.cause;
  }
}
