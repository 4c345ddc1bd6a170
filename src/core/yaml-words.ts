import type { ErrorCode } from 'yaml';
import { Lines } from './text-lines.js';

/** What is wrong with the form of a YAML file, said to people who write rules, at the place where they have to change something. */
export interface PlainFault {
  readonly message: string;
  readonly offset: number;
  readonly suggestion?: string;
}

/** What the parser says: its code, its own words, and where it stopped. */
export interface ParserFault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly offset: number;
}

/**
 * The parser knows how far it got, which is seldom where the slip is: a colon in a text, a letter that looks like a space, one
 * wrong indent. The slips that people make are looked for one after another around the place; the parser's words are the last resort.
 */
export function plainFault(fault: ParserFault, text: string): PlainFault {
  const lines = new Lines(text);
  for (const find of FINDERS) {
    const found = find(fault, lines);
    if (found !== undefined) return found;
  }
  return { message: WORDS[fault.code] ?? firstLine(fault.message), offset: fault.offset };
}

const FINDERS: readonly ((fault: ParserFault, lines: Lines) => PlainFault | undefined)[] = [
  conflictMark,
  oddSpace,
  tab,
  unclosedBracket,
  unclosedQuote,
  reservedStart,
  afterTheEnd,
  afterBlockMark,
  listItemAmongNames,
  dashWithoutSpace,
  colonWithoutSpace,
  colonInText,
  lineWithoutColon,
  wrongIndent,
];

/** What is left: slips that need no second look. */
const WORDS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: 'A reference by *name takes nothing beside it.',
  BAD_ALIAS: 'A name after * or & is missing. A text that begins with one of these has to stand in quotes.',
  BAD_COLLECTION_TYPE: 'This tag does not fit what it stands before; leave the tag out.',
  BAD_DIRECTIVE: 'A line that begins with % is not for rules; put it in quotes or take it away.',
  BAD_DQ_ESCAPE:
    'In double quotes a backslash begins a code, and this is none; write \\\\ for a backslash, or use single quotes.',
  BAD_PROP_ORDER:
    'Something stands in the wrong order here; texts that begin with & or ! have to stand in quotes.',
  BLOCK_AS_IMPLICIT_KEY: 'This can not stand where a name is expected; look at the indents here.',
  BLOCK_IN_FLOW: 'A list or group over several lines can not stand between { } or [ ].',
  DUPLICATE_KEY: 'This name stands twice in one place; keep one of them.',
  IMPOSSIBLE: 'This can not be read.',
  KEY_OVER_1024_CHARS: 'A name before a colon is longer than 1,024 characters.',
  MISSING_CHAR: 'Something is missing here: a colon, a dash, or a closing bracket or quote.',
  MULTILINE_IMPLICIT_KEY: 'A name goes over more than one line; a colon is missing, or an indent is wrong.',
  MULTIPLE_ANCHORS: 'Texts that begin with & have to stand in quotes.',
  MULTIPLE_DOCS: 'A line of --- starts a second document; a file holds one.',
  MULTIPLE_TAGS: 'Texts that begin with ! have to stand in quotes.',
  NON_STRING_KEY: 'A name before a colon has to be text.',
  RESOURCE_EXHAUSTION: 'References by *name write out too much; use fewer of them.',
  TAB_AS_INDENT: 'A tab can not indent; use spaces.',
  TAG_RESOLVE_FAILED: 'A text that begins with ! has to stand in quotes.',
  UNEXPECTED_TOKEN: 'This can not stand here.',
};

/** Codes that say that the shape of the lines is not what it has to be, and not what is wrong with it. */
const SHAPE: ReadonlySet<ErrorCode> = new Set([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'MISSING_CHAR',
  'MULTILINE_IMPLICIT_KEY',
  'TAB_AS_INDENT',
  'UNEXPECTED_TOKEN',
]);

function conflictMark({ offset }: ParserFault, lines: Lines): PlainFault | undefined {
  const number = lines.numberAt(offset);
  const marked = [number, number - 1, number + 1].find((n) => /^(<{7}|={7}|>{7})( |$)/.test(lines.line(n)));
  if (marked === undefined) return undefined;
  return {
    message: 'This is the mark of a merge conflict that nobody has settled.',
    offset: lines.start(marked),
  };
}

/** Spaces that are none, as they come along when text is copied from a page. */
const ODD_SPACE = /[\u00A0\u2000-\u200B\u202F\u205F\u3000\uFEFF]/;

function oddSpace({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (!SHAPE.has(code)) return undefined;
  const number = lines.numberAt(offset);
  for (const n of [number, number + 1]) {
    const indent = /^[\s\u200B]*/.exec(lines.line(n))![0];
    const odd = indent.search(ODD_SPACE);
    if (n > 1 && odd >= 0) {
      return {
        message: 'A no-break space can not indent; use plain spaces.',
        offset: lines.start(n) + odd,
      };
    }
  }
  return undefined;
}

function tab({ code, offset }: ParserFault): PlainFault | undefined {
  return code === 'TAB_AS_INDENT' ? { message: WORDS.TAB_AS_INDENT!, offset } : undefined;
}

function unclosedBracket({ message, offset }: ParserFault): PlainFault | undefined {
  const open = /^Flow (map|sequence) /.exec(message)?.[1];
  if (open !== undefined) {
    const what = open === 'map' ? '{ needs its }' : '[ needs its ]';
    return { message: `A ${what}: one that was opened before is not closed.`, offset };
  }
  const end = /^Unexpected flow-(map|seq)-end /.exec(message)?.[1];
  if (end === undefined) return undefined;
  return { message: `There is one ${end === 'map' ? '}' : ']'} too many.`, offset };
}

/** The parser only knows where the file ended; the quote that opened stands on the first line with an odd number of them. */
function unclosedQuote({ message }: ParserFault, lines: Lines): PlainFault | undefined {
  const quote = /^Missing closing (["'])quote/.exec(message)?.[1];
  if (quote === undefined) return undefined;
  for (let n = 1; n <= lines.count; n++) {
    const line = lines.line(n).replaceAll('\\"', '  ');
    const opening = new RegExp(`(^|[\\s:,[{-])${quote}`).exec(line);
    if (opening !== null && line.split(quote).length % 2 === 0) {
      const offset = lines.start(n) + opening.index + opening[0].length - 1;
      return { message: `The text that begins with ${quote} here is not closed.`, offset };
    }
  }
  return { message: `A text that begins with ${quote} is not closed.`, offset: lines.start(lines.count) };
}

function reservedStart({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (code !== 'BAD_SCALAR_START') return undefined;
  const rest = lines.rest(offset);
  return {
    message: `A text that begins with ${rest.charAt(0)} has to stand in quotes.`,
    offset,
    suggestion: `write ${JSON.stringify(rest)}`,
  };
}

/** Something after a closing quote or bracket on the same line. */
function afterTheEnd({ message, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (!/^Unexpected .* at node end/.test(message)) return undefined;
  const number = lines.numberAt(offset);
  const value = /^(\s*(?:- +)*(?:[\w$.-]+: +)?)(["'[{].*)$/.exec(lines.line(number));
  if (value === null) return undefined;
  const [, before, whole] = value;
  const first = whole!.charAt(0);
  if (first === '{' || first === '[') {
    return {
      message: `A text that begins with ${first} has to stand in quotes.`,
      offset: lines.start(number) + before!.length,
      suggestion: `write ${JSON.stringify(whole)}`,
    };
  }
  const meant = wholeText(whole!);
  return {
    message: 'Something follows after the closing quote; the whole text has to stand in quotes.',
    offset,
    ...(meant === undefined ? {} : { suggestion: `write ${JSON.stringify(meant)}` }),
  };
}

/** What `'it's` and `"a" b` were meant to be; undefined where there are more quotes. */
function wholeText(text: string): string | undefined {
  const [, quote, quoted, rest] = /^(["'])(.*?)\1(.*)$/.exec(text) ?? [];
  if (quote === undefined || rest === undefined || rest.includes(quote)) return undefined;
  return /^\w/.test(rest) ? `${quoted}${quote}${rest}` : `${quoted}${rest}`;
}

function afterBlockMark({ message, offset }: ParserFault): PlainFault | undefined {
  if (!message.startsWith('Block scalar header')) return undefined;
  return { message: 'After a | or > that begins a longer text nothing else can stand on the line.', offset };
}

function listItemAmongNames({ message, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (!message.startsWith('A block sequence may not be used')) return undefined;
  const number = lines.numberAt(offset);
  return {
    message:
      'A list item can not stand among `name: value` lines: take its dash away, or look at its indent.',
    offset: lines.start(number) + lines.indent(number),
  };
}

function dashWithoutSpace({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (!SHAPE.has(code)) return undefined;
  const number = lines.numberAt(offset);
  const dash = /^(\s*)-[^\s-]/.exec(lines.line(number));
  if (dash === null) return undefined;
  return {
    message: 'The dash of a list item needs a space after it.',
    offset: lines.start(number) + dash[1]!.length,
  };
}

function colonWithoutSpace({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (code !== 'MULTILINE_IMPLICIT_KEY' && code !== 'MISSING_CHAR') return undefined;
  const number = lines.numberAt(offset);
  const joined = /^(\s*(?:- +)?)(\w+):([^\s/].*)$/.exec(lines.line(number));
  if (joined === null) return undefined;
  const [, before, name, value] = joined;
  return {
    message: 'A colon needs a space after it.',
    offset: lines.start(number) + before!.length + name!.length,
    suggestion: `write ${name}: ${value}`,
  };
}

/** `description: Win-back: mid-market` */
function colonInText({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (code !== 'BLOCK_AS_IMPLICIT_KEY') return undefined;
  const rest = lines.rest(offset);
  const before = lines.line(lines.numberAt(offset)).slice(0, lines.columnAt(offset) - 1);
  if (!/\S: +$/.test(before) || !/:( |$)/.test(rest)) return undefined;
  return {
    message: 'A text with a colon and a space in it has to stand in quotes.',
    offset,
    suggestion: `write ${JSON.stringify(rest)}`,
  };
}

function lineWithoutColon({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (code !== 'MULTILINE_IMPLICIT_KEY' && code !== 'MISSING_CHAR') return undefined;
  const number = lines.numberAt(offset);
  const words = /^(\s*(?:- +)?)(\w+) +([^:]+)$/.exec(lines.line(number));
  if (words === null) return undefined;
  const [, before, name, value] = words;
  return {
    message: 'This line is no `name: value`: a colon is missing.',
    offset: lines.start(number) + before!.length,
    suggestion: `did you mean \`${name}: ${value!.trim()}\`?`,
  };
}

/** A line that stands neither under its neighbours nor where a new group could begin. */
function wrongIndent({ code, offset }: ParserFault, lines: Lines): PlainFault | undefined {
  if (!SHAPE.has(code) || code === 'UNEXPECTED_TOKEN') return undefined;
  const at = lines.numberAt(offset);
  // The parser took the line before for the begin of a name that goes on here.
  const number = code === 'BLOCK_AS_IMPLICIT_KEY' ? lines.nextWritten(at) : at;
  if (number === undefined || number === 1) return undefined;
  const indent = lines.indent(number);
  const meant = lines
    .nearestColumns(number)
    .map(({ column, line }) => `${spaces(column)}, as in line ${line}`);
  return {
    message: `This line begins after ${spaces(indent)}, and nothing before it does that it could belong to.`,
    offset: lines.start(number) + indent,
    ...(meant.length === 0 ? {} : { suggestion: `did you mean ${meant.join(', or ')}?` }),
  };
}

function spaces(count: number): string {
  return count === 1 ? '1 space' : `${count} spaces`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
