import { didYouMean, nearest } from '../../core/nearest-name.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import type { Signal } from '../../signals/signal.js';

/** Something about records that went in which is probably not meant. */
export interface Notice {
  readonly kind: 'unlisted-type' | 'missing-attribute' | 'unlisted-attribute' | 'repeated-id';
  readonly records: number;
  /** A sentence, with what to do where that can be guessed. */
  readonly text: string;
}

/** Identities kept to find those that come twice: what more there are goes unseen. */
const IDENTITIES = 2_000_000;

/** Looks at what goes in, and says what no rule forbids but hardly anybody means. */
export class Notices {
  readonly #catalogue: SignalCatalogue;
  readonly #unlisted = new Map<string, number>();
  readonly #missing = new Map<string, number>();
  readonly #similar = new Map<string, number>();
  /** Hash of the identity to hash of the contents. */
  readonly #contents = new Map<number, number>();
  #repeated = 0;
  #example = '';

  constructor(catalogue: SignalCatalogue) {
    this.#catalogue = catalogue;
  }

  signal({ category, type, attributes }: Signal): void {
    const listed = this.#catalogue.type(category, type);
    const name = `${category}.${type}`;
    if (listed === undefined) {
      count(this.#unlisted, name);
      return;
    }
    for (const attribute of this.#catalogue.limits(category, type).needed)
      if ((attributes[attribute] ?? '') === '') count(this.#missing, `${name} ${attribute}`);
    for (const attribute of Object.keys(attributes))
      if (!Object.hasOwn(listed.attributes, attribute) && attribute !== listed.value?.attribute)
        count(this.#similar, `${name} ${attribute}`);
  }

  /** A record by its identity. `name` is what people know it by. */
  identity(key: string, content: number, name: string): void {
    const hash = Number.parseInt(key.slice(0, 13), 16);
    const known = this.#contents.get(hash);
    if (known === undefined) {
      if (this.#contents.size < IDENTITIES) this.#contents.set(hash, content);
    } else if (known !== content) {
      this.#repeated++;
      this.#example ||= name;
    }
  }

  get list(): readonly Notice[] {
    const names = [...this.#catalogue].map(({ category, name }) => `${category}.${name}`);
    const notices: Notice[] = [];
    for (const [name, records] of this.#unlisted) {
      const hint = didYouMean(name, names);
      const guess = hint === undefined ? '.' : `: ${hint}`;
      notices.push({
        kind: 'unlisted-type',
        records,
        text: `${some(records)} of type ${name}, which scoring/signals.yaml does not list${guess}`,
      });
    }
    for (const [key, records] of this.#missing) {
      const [name, attribute] = key.split(' ');
      notices.push({
        kind: 'missing-attribute',
        records,
        text: `${some(records)} of type ${name} without \`${attribute}\`: features can do nothing with them.`,
      });
    }
    // Others than the listed ones may be meant; one that is nearly like a listed one is not.
    for (const [key, records] of this.#similar) {
      const [name = '', attribute = ''] = key.split(' ');
      const [category, type] = name.split('.') as [never, string];
      const listed = Object.keys(this.#catalogue.type(category, type)?.attributes ?? {});
      const meant = nearest(attribute, listed);
      if (meant === undefined) continue;
      notices.push({
        kind: 'unlisted-attribute',
        records,
        text: `${some(records)} of type ${name} with \`${attribute}\`, which scoring/signals.yaml does not list: did you mean \`${meant}\`?`,
      });
    }
    if (this.#repeated > 0) {
      const records = this.#repeated;
      notices.push({
        kind: 'repeated-id',
        records,
        text: `${records === 1 ? '1 record has' : `${records.toLocaleString('en')} records have`} the identity of another one, with other contents, such as ${this.#example}: the last of each holds. Is the id unique?`,
      });
    }
    return notices;
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function some(records: number): string {
  return records === 1 ? '1 signal' : `${records.toLocaleString('en')} signals`;
}
