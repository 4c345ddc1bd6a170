import type { ConnectError } from '@connectrpc/connect';

/**
 * Whether a call failed because its connection broke, and not by an answer of the server: Connect gives some of that the code of a defect,
 * such as a session that the server closed when it stopped.
 */
export function isBrokenConnection({ cause }: ConnectError): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(ERR_HTTP2_|ERR_STREAM_|ECONN|EPIPE$|ETIMEDOUT$|EHOSTUNREACH$|ENETUNREACH$)/.test(code);
}
