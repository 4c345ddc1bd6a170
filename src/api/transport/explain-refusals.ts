import { type ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { PerennialError } from '../../core/errors.js';
import { type Failure, failureOf } from '../failure.js';
import { errorOf } from './grpc-error.js';
import { TOO_LARGE } from './too-large.js';

const NOT_UNPACKED = failureOf(
  new PerennialError('invalid_argument', 'The request can not be unpacked.', {
    reason: 'REQUEST_MALFORMED',
    hint: 'It is not what its header `grpc-encoding` says.',
  }),
);

/** What grpc-js refuses by itself, before a handler sees the request, by its words. */
const REFUSED: readonly (readonly [code: status, words: RegExp, failure: Failure])[] = [
  [status.RESOURCE_EXHAUSTED, /^Received message (larger than|that decompresses to)/, TOO_LARGE],
  [status.INTERNAL, /^Failed to decompress message/, NOT_UNPACKED],
];

/** Gives what grpc-js refuses by itself the details that every other refusal has. */
export const explainRefusals: ServerInterceptor = (_method, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (sent) => {
    const { code, details } = sent;
    const refused = REFUSED.find(([of, words]) => of === code && words.test(details ?? ''));
    send(refused === undefined ? sent : errorOf(refused[2]));
  };
  return call as ServerInterceptingCall;
};
