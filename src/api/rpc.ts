import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Caller } from '../access/caller.js';
import type { Logger } from '../telemetry/log.js';

/** What a handler knows of its call beside the request. */
export interface CallContext {
  readonly caller: Caller;
  /** Aborts when the caller goes away, its deadline passes or the server gives up on the call. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly log: Logger;
  /** Names the accounts and subscriptions that the call is about, for the audit log. */
  about(...subjects: readonly string[]): void;
}

/** An answer as a message, or as the bytes of one that were made before. */
export type Answer<O extends DescMessage> = MessageInitShape<O> | Uint8Array<ArrayBuffer>;

type Unary<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
) => Promise<Answer<O>>;

/**
 * How much a call may ask of the store, and so how it waits when many come: nothing at all; a lookup; work that may take
 * seconds; an insert; or a query in SQL. Streams are counted for as long as they are open.
 */
export type Cost = 'none' | 'lookup' | 'work' | 'write' | 'query' | 'stream';

/** One method and how it is answered: the same for every transport. */
export type Rpc =
  | {
      readonly kind: 'unary';
      readonly method: DescMethod;
      readonly cost: Cost;
      /** The request is handed over as its bytes. */
      readonly raw: boolean;
      readonly answer: (request: never, call: CallContext) => Promise<Answer<DescMessage>>;
      /** An answer that needs no waiting, tried first; undefined when there is none. Must not throw. */
      readonly atOnce?: (request: never) => Uint8Array<ArrayBuffer> | undefined;
    }
  | {
      readonly kind: 'server-stream';
      readonly method: DescMethod;
      readonly cost: Cost;
      readonly raw: false;
      readonly answer: (request: never, call: CallContext) => AsyncIterable<Answer<DescMessage>>;
    }
  | {
      readonly kind: 'bidi-stream';
      readonly method: DescMethod;
      readonly cost: Cost;
      /** Requests are handed over as their bytes. */
      readonly raw: true;
      readonly answer: (
        requests: AsyncIterable<Uint8Array>,
        call: CallContext,
      ) => AsyncIterable<Answer<DescMessage>>;
    };

type UnaryMethod<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly methodKind: 'unary';
  readonly input: I;
  readonly output: O;
};

export function unary<I extends DescMessage, O extends DescMessage>(
  method: UnaryMethod<I, O>,
  cost: Cost,
  answer: Unary<I, O>,
  atOnce?: (request: MessageShape<I>) => Uint8Array<ArrayBuffer> | undefined,
): Rpc {
  return { kind: 'unary', method, cost, raw: false, answer, ...(atOnce === undefined ? {} : { atOnce }) };
}

/** A unary call whose request is read by the handler itself, from its bytes. */
export function rawUnary<I extends DescMessage, O extends DescMessage>(
  method: UnaryMethod<I, O>,
  cost: Cost,
  answer: (request: Uint8Array, call: CallContext) => Promise<Answer<O>>,
): Rpc {
  return { kind: 'unary', method, cost, raw: true, answer };
}

export function serverStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { readonly methodKind: 'server_streaming'; readonly input: I; readonly output: O },
  cost: Cost,
  answer: (request: MessageShape<I>, call: CallContext) => AsyncIterable<Answer<O>>,
): Rpc {
  return { kind: 'server-stream', method, cost, raw: false, answer };
}

export function rawBidiStream<O extends DescMessage>(
  method: DescMethod & { readonly methodKind: 'bidi_streaming'; readonly output: O },
  cost: Cost,
  answer: (requests: AsyncIterable<Uint8Array>, call: CallContext) => AsyncIterable<Answer<O>>,
): Rpc {
  return { kind: 'bidi-stream', method, cost, raw: true, answer };
}

/** "/perennial.v1.RiskService/GetRisk". */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}
