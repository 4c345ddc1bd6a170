import { createHash } from 'node:crypto';
import type { Store } from './store.js';

/** Longest id there is, in characters of a text that may hold one. */
const LONGEST = 256;

/** The ids that were erased, as hashes. */
export class ErasedNames {
  readonly #accounts: ReadonlySet<string>;
  readonly #all: ReadonlySet<string>;

  constructor(names: readonly { readonly kind: string; readonly hash: string }[]) {
    this.#all = new Set(names.map(({ hash }) => hash));
    this.#accounts = new Set(names.filter(({ kind }) => kind === 'account').map(({ hash }) => hash));
  }

  hasAccount(account: string): boolean {
    return this.#accounts.size > 0 && this.#accounts.has(hashOfName(account));
  }

  /** Whether the bytes of a message that can't be read hold one of them. */
  appearIn(raw: Uint8Array): boolean {
    if (this.#all.size === 0) return false;
    const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8');
    for (const [, quoted = '', word = ''] of text.matchAll(/"([^"\\]{1,256})"|([\p{L}\p{N}_.@:+/-]+)/gu)) {
      const name = quoted === '' ? word : quoted;
      if (name.length > LONGEST + 1) continue;
      // In a binary form the length of a text stands before it, and may look like a letter of it.
      if (this.#all.has(hashOfName(name)) || this.#all.has(hashOfName(name.slice(1)))) return true;
    }
    return false;
  }
}

export async function readErasedNames(store: Store): Promise<ErasedNames> {
  return new ErasedNames(await store.rows('SELECT DISTINCT kind, hash FROM erased_names'));
}

export function hashOfName(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
