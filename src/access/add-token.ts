import { existsSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { PerennialError } from '../core/errors.js';
import { parseAccessFile } from './access-file.js';
import type { Scope } from './scope.js';

/** What the access file says of one token. */
export interface TokenEntry {
  readonly name: string;
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  readonly expires?: string;
}

/**
 * Writes a token into the access file, which is made where there is none. What else is in it stays, comments too. Throws `invalid_file`
 * for a file that is wrong, and `failed_precondition` for one that can't be written; it is as it was then.
 */
export function addTokenToFile(path: string, entry: TokenEntry): void {
  try {
    // A link stays one: what it points to is replaced.
    const file = existsSync(path) ? realpathSync(path) : path;
    const [text, mode] = existsSync(file) ? [readFileSync(file, 'utf8'), statSync(file).mode] : ['', 0o600];
    const added = withToken(text, entry);
    // A file without a place for the entry is wrong: the error names its line.
    parseAccessFile(path, added ?? text);
    if (added === undefined) return;
    // Renamed into its place: a server that reads it meanwhile reads all of it.
    writeFileSync(`${file}.new`, added, { mode });
    renameSync(`${file}.new`, file);
  } catch (thrown) {
    if (thrown instanceof PerennialError) throw thrown;
    const { code } = thrown as NodeJS.ErrnoException;
    throw new PerennialError('failed_precondition', `The token can't be written into ${path} (${code}).`, {
      hint: 'Without --into the entry is printed: put it under `tokens:`.',
      cause: thrown,
    });
  }
}

/** The text of an access file with one token more; undefined: it is no such file. */
function withToken(text: string, entry: TokenEntry): string | undefined {
  const document = parseDocument(text);
  const { contents, errors } = document;
  if (errors.length > 0 || !(contents === null || isMap(contents))) return undefined;
  const node = document.createNode(entry) as YAMLMap;
  (node.get('scopes', true) as unknown as YAMLSeq).flow = true;
  const tokens = document.get('tokens') as unknown;
  if (isSeq(tokens) && tokens.items.length > 0) tokens.add(node);
  else if (isSeq(tokens) || (tokens ?? null) === null) document.set('tokens', document.createNode([node]));
  else return undefined;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** The entry as it stands under `tokens:`. Throws `invalid_file` for one that no access file may have. */
export function entryText(entry: TokenEntry): string {
  const text = withToken('', entry)!;
  parseAccessFile('the entry', text);
  return text.replace('tokens:', '').trim().replace(/^/, '  ');
}
