import type { Millis } from '../../core/clock.js';
import { LIMITS } from '../../core/limits.js';
import type { SignalCatalogue, TypeLimits } from '../catalogue.js';
import { Fault } from '../fault.js';
import { eventTime, requiredId } from '../fields.js';
import { isBinaryMode } from '../json-forms.js';
import { PLAIN_SIGNAL_NAMES, typeOf } from '../json-records.js';
import { bodyFormOf, contentTypeOf, type MessageHeaders, NO_HEADERS } from '../message.js';
import { checkAttribute, checkRange } from '../ranges.js';
import type { Category } from '../signal.js';
import { kindOf } from '../signal-draft.js';
import { JsonScanner } from './json-scanner.js';
import { isText, KnownTexts } from './known-texts.js';
import { EACH, HEAD, PlacePool, ScannedSignal } from './scanned-signal.js';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const BLANK = 0x20;

/** Members that are read here. Others of the names of a plain signal make it a form that is not. */
const FIELDS = [
  ...['id', 'source', 'category', 'type', 'account_id', 'subject', 'time'],
  ...['subscription_id', 'value', 'attributes'],
];
const field = (name: string) => FIELDS.indexOf(name);
const ID = field('id');
const SOURCE = field('source');
const CATEGORY = field('category');
const TYPE = field('type');
const ACCOUNT = field('account_id');
const SUBJECT = field('subject');
const TIME = field('time');
const SUBSCRIPTION = field('subscription_id');
const VALUE = field('value');
const ATTRIBUTES = field('attributes');
/** What has no number among them is an attribute. */
const OTHER = -1;

const MEMBERS = FIELDS.map((name) => Buffer.from(name));
/** `specversion` makes the message an event. */
const NOT_HERE = [...PLAIN_SIGNAL_NAMES, 'specversion', '__proto__']
  .filter((name) => !FIELDS.includes(name))
  .map((name) => Buffer.from(name));
const PROTO = Buffer.from('__proto__');

/** A member as the message before had it at the same place. */
interface Member {
  readonly name: Uint8Array;
  readonly isTop: boolean;
  readonly field: number;
}

/** A message whose body is still among the bytes of others. */
export interface MessageBytes {
  readonly bytes: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly headers?: MessageHeaders;
  readonly receivedAt: Millis;
}

/** What a type is, once it was found to be one. */
interface Kind {
  readonly category: Category;
  readonly type: string;
  readonly limits: TypeLimits;
  /** Whether its text names the category. */
  readonly isWhole: boolean;
}

/** Types that are remembered. */
const MOST_KINDS = 10_000;

/**
 * Reads signals in the shape that most have, at less than half the cost of `parseMessage`: a plain JSON object without escapes, in ASCII
 * but for the texts of attributes. It takes a message only where nothing is in doubt. What is wrong with one, and what all others are,
 * `parseMessage` alone says; what is taken here is the same signal there, which test/signals/scan.test.ts shows.
 */
export class SignalScanner {
  readonly #catalogue: SignalCatalogue;
  readonly #json = new JsonScanner();
  readonly #texts = new KnownTexts((text) => requiredId(text, ''));
  /** The text of each field in the message before: some are always the same. */
  readonly #before: string[] = FIELDS.map(() => '');
  readonly #kinds = new Map<string, Kind>();
  readonly #pool = new PlacePool();
  /** Members in the order of the message before: most producers always write them in one. */
  readonly #order: Member[] = [];
  #turn = 0;
  /** Where the fields of this message begin and end, by their numbers. */
  readonly #fields = new Int32Array(FIELDS.length * 2);
  /** A bit for each field that is there. */
  #seen = 0;
  #value = 0;
  /** Where names and texts of the attributes begin and end, in the order of the names. */
  readonly #attributes = new Int32Array(LIMITS.attributes * EACH);
  #size = 0;

  constructor(catalogue: SignalCatalogue) {
    this.#catalogue = catalogue;
  }

  /** Undefined: the message is none of these. */
  read(message: MessageBytes): ScannedSignal | undefined {
    const { bytes, bodyStart, bodyEnd, receivedAt } = message;
    try {
      if (bodyEnd - bodyStart > LIMITS.messageBytes || !isPlainJson(message)) return undefined;
      this.#json.begin(bytes, bodyStart);
      this.#turn = this.#seen = this.#size = 0;
      if (!this.#object(true) || !this.#json.isOver(bodyEnd)) return undefined;
      return this.#signal(receivedAt);
    } catch (thrown) {
      if (thrown instanceof Fault) return undefined;
      throw thrown;
    }
  }

  #object(isTop: boolean): boolean {
    const json = this.#json;
    if (!json.take(OPEN)) return false;
    if (json.take(CLOSE)) return true;
    do {
      const member = this.#member(isTop);
      if (member === undefined || !this.#read(member)) return false;
    } while (json.take(COMMA));
    return json.take(CLOSE);
  }

  #member(isTop: boolean): Member | undefined {
    const turn = this.#turn++;
    const before = this.#order[turn];
    if (before !== undefined && before.isTop === isTop && this.#json.isText(before.name)) return before;
    const member = this.#newMember(isTop);
    if (member !== undefined) this.#order[turn] = member;
    return member;
  }

  #newMember(isTop: boolean): Member | undefined {
    const json = this.#json;
    if (!json.text()) return undefined;
    const name = Buffer.from(json.bytes.subarray(json.start, json.end));
    if (name.length === 0 || name.length > LIMITS.attributeKeyBytes) return undefined;
    const isName = (one: Uint8Array) => name.equals(one);
    if (!isTop) return isName(PROTO) ? undefined : { name, isTop, field: OTHER };
    if (NOT_HERE.some(isName)) return undefined;
    return { name, isTop, field: MEMBERS.findIndex(isName) };
  }

  /** Reads the value of a member whose name was passed. */
  #read({ field }: Member): boolean {
    const json = this.#json;
    const { start, end } = json;
    if (!json.take(COLON)) return false;
    if (field === OTHER) return this.#anyText() && this.#addAttribute(start, end);
    if (this.#has(field)) return false;
    this.#seen |= 1 << field;
    if (field === ATTRIBUTES) return this.#object(false);
    if (field === VALUE) {
      if (!json.decimal()) return false;
      this.#value = json.number;
      return true;
    }
    if (!json.text()) return false;
    this.#fields[field * 2] = json.start;
    this.#fields[field * 2 + 1] = json.end;
    return true;
  }

  /** Passes over a value that is kept as it is written. */
  #anyText(): boolean {
    const json = this.#json;
    const isShort = () => json.end - json.start <= LIMITS.attributeValueBytes;
    if (json.anyText()) return isShort();
    return (json.decimal() && json.isWhole) || json.boolean();
  }

  /** Puts an attribute, whose text was passed, in its place by its name. */
  #addAttribute(start: number, end: number): boolean {
    if (this.#size === LIMITS.attributes) return false;
    const attributes = this.#attributes;
    const { bytes, start: textStart, end: textEnd } = this.#json;
    let at = this.#size * EACH;
    for (; at > 0; at -= EACH) {
      const order = compared(bytes, attributes[at - EACH]!, attributes[at - EACH + 1]!, start, end);
      if (order === 0) return false;
      if (order < 0) break;
      for (let i = 0; i < EACH; i++) attributes[at + i] = attributes[at + i - EACH]!;
    }
    attributes[at] = start;
    attributes[at + 1] = end;
    attributes[at + 2] = textStart;
    attributes[at + 3] = textEnd;
    this.#size++;
    return true;
  }

  #signal(receivedAt: Millis): ScannedSignal | undefined {
    const { bytes } = this.#json;
    if (this.#has(ACCOUNT) === this.#has(SUBJECT)) return undefined;
    if (!this.#isId(ID) || !this.#has(SOURCE) || !this.#has(TYPE) || !this.#has(TIME)) return undefined;
    if (this.#has(SUBSCRIPTION) && !this.#isId(SUBSCRIPTION)) return undefined;
    const { category, type, limits } = this.#kind();
    const source = this.#text(SOURCE);
    const accountId = this.#text(this.#has(ACCOUNT) ? ACCOUNT : SUBJECT);
    const time = bytes.toString('latin1', this.#fields[TIME * 2], this.#fields[TIME * 2 + 1]);
    const occurredAt = eventTime(time, 'time', receivedAt);
    const value = this.#has(VALUE) ? this.#value : null;
    if (value !== null) checkRange(value, limits.valueRange, 'value');
    else if (limits.valueAttribute !== undefined && this.#attribute(limits.valueAttribute) !== undefined)
      return undefined;
    for (const check of limits.attributes) {
      const text = this.#attribute(check.name);
      if (text === undefined) continue;
      const checked = { [check.name]: text };
      checkAttribute(checked, check);
      if (checked[check.name] !== text) return undefined;
    }
    const at = this.#keep();
    const known = { source, category, type, accountId, occurredAt, value };
    return new ScannedSignal(known, bytes, this.#pool.places, at, this.#size);
  }

  #has(field: number): boolean {
    return (this.#seen & (1 << field)) !== 0;
  }

  #text(field: number): string {
    const { bytes } = this.#json;
    const start = this.#fields[field * 2]!;
    const end = this.#fields[field * 2 + 1]!;
    const before = this.#before[field]!;
    if (isText(before, bytes, start, end)) return before;
    const text = this.#texts.at(bytes, start, end);
    this.#before[field] = text;
    return text;
  }

  /** Whether it is there and begins with something to be seen: `requiredId` asks for no more of ASCII, and for less. */
  #isId(field: number): boolean {
    if (!this.#has(field)) return false;
    const start = this.#fields[field * 2]!;
    const length = this.#fields[field * 2 + 1]! - start;
    return length > 0 && length <= LIMITS.idBytes && this.#json.bytes[start] !== BLANK;
  }

  /** Throws a Fault. */
  #kind(): Kind {
    const type = this.#text(TYPE);
    const category = this.#has(CATEGORY) ? this.#text(CATEGORY) : undefined;
    const known = this.#kinds.get(type);
    if (known !== undefined && (category === undefined ? known.isWhole : known.category === category))
      return known;
    const parts = typeOf({ category, type, kind: undefined }, 'signal');
    const kind = kindOf(parts.category, parts.name);
    const limits = this.#catalogue.limits(kind.category, kind.type);
    const added = { ...kind, limits, isWhole: kind.type !== type };
    if (this.#kinds.size >= MOST_KINDS) this.#kinds.clear();
    this.#kinds.set(type, added);
    return added;
  }

  /** The text of an attribute; undefined where it is not there. */
  #attribute(name: string): string | undefined {
    const { bytes } = this.#json;
    for (let at = 0; at < this.#size * EACH; at += EACH) {
      const [start, end, textStart, textEnd] = this.#attributes.subarray(at, at + EACH);
      if (end! - start! === name.length && bytes.toString('latin1', start, end) === name)
        return bytes.toString('utf8', textStart, textEnd);
    }
    return undefined;
  }

  /** Puts the places of what may be cut out later where they stay. Returns from where. */
  #keep(): number {
    const at = this.#pool.take(HEAD + this.#size * EACH);
    const { places } = this.#pool;
    const hasSubscription = this.#has(SUBSCRIPTION);
    places[at] = this.#fields[ID * 2]!;
    places[at + 1] = this.#fields[ID * 2 + 1]!;
    places[at + 2] = hasSubscription ? this.#fields[SUBSCRIPTION * 2]! : 0;
    places[at + 3] = hasSubscription ? this.#fields[SUBSCRIPTION * 2 + 1]! : 0;
    for (let i = 0; i < this.#size * EACH; i++) places[at + HEAD + i] = this.#attributes[i]!;
    return at;
  }
}

function isPlainJson(message: MessageBytes): boolean {
  const { headers } = message;
  if (headers === NO_HEADERS || headers === undefined) return true;
  return !isBinaryMode(headers) && bodyFormOf(contentTypeOf(message)) === 'json';
}

/** The order of two names by their characters: less than zero when the first one comes first. */
function compared(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): number {
  const length = Math.min(end - start, otherEnd - otherStart);
  for (let i = 0; i < length; i++) {
    const order = bytes[start + i]! - bytes[otherStart + i]!;
    if (order !== 0) return order;
  }
  return end - start - (otherEnd - otherStart);
}
