import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isMap,
  isScalar,
  type Node,
  type Pair,
  parseDocument,
  type ScalarTag,
  type Tags,
  visit,
} from 'yaml';
import { PerennialError } from '../core/errors.js';
import { readYaml } from '../core/yaml-file.js';

/**
 * Puts a file of rules, offers, guardrails, experiments or tests into its one layout: two spaces, keys in the order of
 * the docs, strings without needless quotes. Comments, values and the order of lists stay. Formatting twice changes
 * nothing more. Throws `invalid_file` when the file is no YAML or JSON.
 */
export function formatFile(path: string, text: string): string {
  const { problems, value } = readYaml(path, text);
  if (problems.length > 0) {
    const { line, column, message } = problems[0]!;
    throw new PerennialError('invalid_file', `${path}:${line}:${column}: ${message}`, {
      hint: 'Only files that can be read can be formatted.',
    });
  }
  if (/\.json$/i.test(path)) return `${JSON.stringify(value, null, 2)}\n`;
  // Twice: moving a key can move its comment, and the second round settles the blank lines around it.
  const formatted = print(print(text));
  if (!isDeepStrictEqual(readYaml(path, formatted).value, value)) {
    throw new PerennialError('internal', `${path} can't be formatted without changing what it says.`, {
      hint: 'It was left as it is. Please report it with the file.',
    });
  }
  return formatted;
}

function print(text: string): string {
  const document = parseDocument(text, { customTags: asWritten });
  orderKeys(document);
  plainStrings(document);
  return document.toString({
    lineWidth: 0,
    indent: 2,
    indentSeq: true,
    flowCollectionPadding: false,
    singleQuote: true,
    minContentWidth: 0,
  });
}

/** Numbers are printed as they were written: 1.50 stays 1.50. */
function asWritten(tags: Tags): Tags {
  return tags.map((tag) => {
    if (!isNumberTag(tag)) return tag;
    const { stringify } = tag;
    const kept: ScalarTag = {
      ...tag,
      stringify: (item, ...rest) => item.source ?? stringify?.(item, ...rest) ?? String(item.value),
    };
    return kept;
  });
}

function isNumberTag(tag: Tags[number]): tag is ScalarTag {
  return typeof tag === 'object' && /:(int|float)$/.test(tag.tag);
}

/** The order in which the docs write keys. Keys that are not named here follow, in the order they had. */
const KEY_ORDER = [
  '$schema',
  'fixtures',
  'name',
  'description',
  'kind',
  'priority',
  'clear_after_days',
  'least_days',
  'fact',
  'operator',
  'value',
  'type',
  'params',
  'fixture',
  'subscription',
  'now',
  'facts',
  'history',
];

/** Of a rule, `conditions` and `event` come last; of a file, `conditions` comes before `rules`. */
const LAST = ['conditions', 'event', 'rules', 'when', 'expect', 'opens', 'suppressed', 'cases', 'tests'];

function orderKeys(document: Document): void {
  visit(document, {
    Map(_, map) {
      const ranked = map.items.map((pair, i) => ({ pair, rank: rankOf(pair), i }));
      ranked.sort((a, b) => a.rank - b.rank || a.i - b.i);
      const first = map.items[0];
      map.items = ranked.map(({ pair }) => pair);
      // The parser hangs a comment above the first key onto the map; it has to stay with that key when the key moves.
      if (first !== undefined && map.items[0] !== first) moveComment(map, first);
    },
  });
}

function rankOf(pair: Pair): number {
  const key = isScalar(pair.key) ? String(pair.key.value) : '';
  const early = KEY_ORDER.indexOf(key);
  if (early >= 0) return early;
  const late = LAST.indexOf(key);
  return late >= 0 ? 1_000 + late : 500;
}

function moveComment(map: { commentBefore?: string | null | undefined }, first: Pair): void {
  const key = first.key as Node | null;
  if (key === null || map.commentBefore === undefined || map.commentBefore === null) return;
  key.commentBefore = [map.commentBefore, key.commentBefore].filter((text) => text != null).join('\n');
  map.commentBefore = null;
}

/** Quotes stay only where the text would otherwise be read as something else; the printer decides. */
function plainStrings(document: Document): void {
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && /^QUOTE_/.test(scalar.type ?? '')) scalar.type = 'PLAIN';
    },
    Map(_, map) {
      // Flow style is kept for short maps, as people write comparisons on one line.
      if (map.flow === true && map.items.some((pair) => isMap(pair.value) && pair.value.flow !== true)) {
        map.flow = false;
      }
    },
  });
}
