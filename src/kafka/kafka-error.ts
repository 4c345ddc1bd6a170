import { PerennialError } from '../core/errors.js';

interface KafkaFault {
  readonly name: string;
  readonly type?: string;
  readonly cause?: unknown;
}

/** The fault as one that no new session heals, in words for the operator; undefined when trying again is right. */
export function permanentFault(error: Error): PerennialError | undefined {
  for (const fault of chainOf(error)) {
    if (fault instanceof PerennialError) return fault.retryable ? undefined : fault;
    if (fault.name === 'KafkaJSSASLAuthenticationError')
      return new PerennialError('permission_denied', 'Kafka refused the user or the password.', {
        hint: 'Check KAFKA_SASL, KAFKA_USERNAME and KAFKA_PASSWORD.',
        cause: error,
      });
    if (fault.name === 'KafkaJSUnsupportedMagicByteInMessageSet' || fault.name === 'KafkaJSNotImplemented')
      return new PerennialError(
        'failed_precondition',
        `Kafka sent what this client can't read: ${error.message}`,
        {
          hint: 'docs/operations.md says in which forms messages may come.',
          cause: error,
        },
      );
    switch (fault.type) {
      case 'TOPIC_AUTHORIZATION_FAILED':
      case 'GROUP_AUTHORIZATION_FAILED':
      case 'CLUSTER_AUTHORIZATION_FAILED':
        return new PerennialError('permission_denied', `Kafka refused access: ${error.message}`, {
          hint: "docs/operations.md lists the rights that Perennial's user needs.",
          cause: error,
        });
      case 'UNKNOWN_TOPIC_OR_PARTITION':
        return new PerennialError('not_found', 'A Kafka topic that Perennial reads does not exist.', {
          hint: 'Create the topics with: perennial topics create. If it is there, the user lacks rights: docs/operations.md lists them.',
          cause: error,
        });
      default:
    }
  }
  return undefined;
}

function* chainOf(error: unknown): Generator<KafkaFault> {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    yield current as KafkaFault;
    current = (current as { originalError?: unknown }).originalError ?? current.cause;
  }
}

/** Whatever a Kafka client threw, in words: what no trying again heals, else that Kafka does not answer. */
export function kafkaError(thrown: unknown): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return (
    permanentFault(error) ??
    new PerennialError('unavailable', `Kafka does not answer: ${error.message}`, {
      hint: 'Check KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL, and that the brokers run.',
      cause: thrown,
    })
  );
}
