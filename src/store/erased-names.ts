import { createHash } from 'node:crypto';
import type { Rejection } from '../signals/signal.js';
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

  /** Whether a message that can't be read names one of them: in its bytes, its headers, or what was read of it. */
  appearIn({ raw, headers = {}, id = '', detail = '' }: RefusedMessage): boolean {
    if (this.#all.size === 0) return false;
    return [...readings(raw), ...Object.values(headers), id, detail].some((text) => this.#isNamed(text));
  }

  #isNamed(text: string): boolean {
    if (this.#all.has(hashOfName(text))) return true;
    for (const [, quoted = '', word = ''] of text.matchAll(/"([^"\\]{1,256})"|([\p{L}\p{N}_.@:+/-]+)/gu)) {
      const name = quoted === '' ? word : quoted;
      if (name.length > LONGEST + 1) continue;
      // In a binary form the length of a text stands before it, and may look like a letter of it.
      if (this.#all.has(hashOfName(name)) || this.#all.has(hashOfName(name.slice(1)))) return true;
    }
    return false;
  }
}

/** What is kept of a message that was refused. */
export type RefusedMessage = Pick<Rejection, 'raw' | 'headers'> & Partial<Pick<Rejection, 'id' | 'detail'>>;

/** The texts that bytes may be: in UTF-8 and UTF-16, with escapes of JSON and of forms as they are and as what they stand for. */
export function* readings(raw: Uint8Array): Generator<string> {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const texts = [bytes.toString('utf8')];
  if (bytes.includes(0)) {
    const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
    texts.push(even.toString('utf16le'), even.swap16().toString('utf16le'));
  }
  for (const text of texts) {
    yield text;
    if (text.includes('\\')) yield text.replace(ESCAPE, (_, code, sign) => sign ?? charOf(code));
    if (PERCENT.test(text))
      yield text.replace(PERCENTS, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
  }
}

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/gs;
const PERCENT = /%[0-9a-fA-F]{2}/;
const PERCENTS = /(?:%[0-9a-fA-F]{2})+/g;

const charOf = (code: string) => String.fromCharCode(Number.parseInt(code, 16));

export async function readErasedNames(store: Store): Promise<ErasedNames> {
  return new ErasedNames(await store.rows('SELECT DISTINCT kind, hash FROM erased_names'));
}

export function hashOfName(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
