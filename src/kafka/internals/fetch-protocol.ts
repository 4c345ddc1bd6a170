import { createRequire } from 'node:module';
import { LIMITS } from '../../core/limits.js';
import { type FetchResponse, readFetchResponse } from '../records/fetch-response.js';

interface FetchRequest {
  readonly maxBytes: number;
}

interface Exchange {
  readonly request: unknown;
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(data: unknown): Promise<unknown> };
}

type Protocol = (of: { readonly version: number }) => (request: FetchRequest) => Exchange;

/** What a feed asks for at a time, by which its requests are known from those of other consumers. */
export const FETCH_BYTES = LIMITS.kafkaFetchBytes;
/** The latest version that kafkajs speaks: of every broker since Kafka 2.3. */
const VERSION = 11;
const TOPIC_AUTHORIZATION_FAILED = 29;

let installed = false;

/**
 * Has the answers to a feed's fetches read by `readFetchResponse`. Other consumers of the process, and brokers that are older, are
 * answered as ever. Calling it again does no harm.
 */
export function installFetchProtocol(): void {
  if (installed) return;
  installed = true;
  const { requests } = createRequire(import.meta.url)('kafkajs/src/protocol/requests') as {
    requests: { Fetch: { protocol: Protocol } };
  };
  const { protocol } = requests.Fetch;
  if (typeof protocol !== 'function') throw new TypeError('This release of kafkajs is built otherwise.');
  requests.Fetch.protocol = (of) => {
    const exchange = protocol(of);
    if (of.version !== VERSION) return exchange;
    return (request) => {
      const made = exchange(request);
      if (request.maxBytes !== FETCH_BYTES) return made;
      return { ...made, response: { ...made.response, decode } };
    };
  };
}

async function decode(bytes: Buffer): Promise<FetchResponse> {
  const answer = await readFetchResponse(bytes);
  assertAllowed(answer);
  return answer;
}

/** kafkajs says that some topic may not be read, but not which one. */
function assertAllowed({ responses }: FetchResponse): void {
  const refused = responses.filter(({ partitions }) =>
    partitions.some(({ errorCode }) => errorCode === TOPIC_AUTHORIZATION_FAILED),
  );
  if (refused.length > 0) throw new RefusedTopics(refused.map(({ topicName }) => topicName));
}

/** By its type kafkajs takes it for the broker's answer. */
class RefusedTopics extends Error {
  override readonly name = 'RefusedTopics';
  readonly type = 'TOPIC_AUTHORIZATION_FAILED';
  readonly retriable = false;

  constructor(topics: readonly string[]) {
    super(`The user may not read ${topics.join(', ')}`);
  }
}
