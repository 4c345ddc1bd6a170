import type { Interceptor } from '@connectrpc/connect';

export interface Credentials {
  readonly token?: string | (() => string | Promise<string>);
  readonly reason?: string;
}

/** Puts the token, and why the caller asks, into the metadata of every call. */
export function credentialsInterceptor({ token, reason }: Credentials): Interceptor {
  return (next) => async (request) => {
    if (token !== undefined)
      request.header.set('authorization', `Bearer ${typeof token === 'string' ? token : await token()}`);
    if (reason !== undefined) request.header.set('x-perennial-reason', encoded(reason));
    return next(request);
  };
}

/** Metadata is ASCII: what else there is in a text is percent-encoded, and the server reads it so. */
function encoded(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/gu, (part) => encodeURIComponent(Buffer.from(part).toString()));
}
