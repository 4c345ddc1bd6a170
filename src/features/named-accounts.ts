import type { Scope } from './population.js';

/** Accounts that one query names: their ids travel in its URL, where a server takes a mebibyte. */
export const NAMED_ACCOUNTS = 5_000;
const NAMED_BYTES = 262_144;

/** These accounts, as scopes that name as many as one query can. */
export function* pagesOfNamed(accounts: Iterable<string>): Generator<NamedAccounts> {
  let page: string[] = [];
  let bytes = 0;
  for (const account of accounts) {
    const size = Buffer.byteLength(account);
    if (page.length === NAMED_ACCOUNTS || (page.length > 0 && bytes + size > NAMED_BYTES)) {
      yield { kind: 'accounts', accounts: page };
      page = [];
      bytes = 0;
    }
    page.push(account);
    bytes += size;
  }
  if (page.length > 0) yield { kind: 'accounts', accounts: page };
}

export type NamedAccounts = Extract<Scope, { kind: 'accounts' }>;
