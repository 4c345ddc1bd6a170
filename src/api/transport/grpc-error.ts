import { Metadata } from '@grpc/grpc-js';
import { type Failure, statusBytes } from '../failure.js';

/** A failure as grpc-js sends it. */
export function errorOf(failure: Failure) {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', statusBytes(failure));
  return { code: failure.code as number, details: failure.message, metadata };
}

/** The same without details. */
export function bareErrorOf({ code, message }: Failure) {
  return { code: code as number, details: message };
}
