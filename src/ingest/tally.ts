import type { Fate } from '../signals/versions.js';
import type { Written } from './batch-writer.js';

const KINDS = ['signals', 'subscriptions', 'outcomes'] as const;
const KIND = { signals: 'signal', subscriptions: 'subscription', outcomes: 'outcome' } as const;
const FATES = ['new', 'same', 'corrected', 'retracted'] as const satisfies readonly Fate[];

/** What became of the records of several batches. */
export class Tally {
  readonly #counts = new Map<string, number>();
  rejections = 0;
  retractions = 0;
  /** Left out, since their account was erased. */
  erased = 0;

  add(written: Written): void {
    for (const kind of KINDS) {
      for (const fate of FATES) {
        const key = `${kind} ${fate}`;
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + written[kind][fate]);
      }
    }
    this.rejections += written.rejections;
    this.retractions += written.retractions;
    this.erased += written.erased;
  }

  /** Counts records as corrected that had counted as new: they came again with a time on another day. */
  settled(corrected: Readonly<Record<'signal' | 'subscription' | 'outcome', number>>): void {
    for (const kind of KINDS) {
      const moved = Math.min(corrected[KIND[kind]], this.#of(kind, 'new'));
      this.#counts.set(`${kind} new`, this.#of(kind, 'new') - moved);
      this.#counts.set(`${kind} corrected`, this.#of(kind, 'corrected') + moved);
    }
  }

  /** Rows for people: kind, new, same, corrected, retracted. */
  rows(): (string | number)[][] {
    return KINDS.map((kind) => [kind, ...FATES.map((fate) => this.#of(kind, fate))]);
  }

  /** Records of all kinds, by what became of them. */
  fates(): Readonly<Record<Fate, number>> {
    const sum = (fate: Fate) => KINDS.reduce((total, kind) => total + this.#of(kind, fate), 0);
    return { new: sum('new'), same: sum('same'), corrected: sum('corrected'), retracted: sum('retracted') };
  }

  static readonly HEAD = ['what', ...FATES] as const;

  /** For programs: the records by kind and by what became of them, and both together. */
  json(): Record<string, unknown> {
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    return {
      ...Object.fromEntries(KINDS.map((kind) => [kind, sum(FATES.map((fate) => this.#of(kind, fate)))])),
      rejections: this.rejections,
      retractions: this.retractions,
      erased: this.erased,
      ...this.fates(),
      byKind: Object.fromEntries(
        KINDS.map((kind) => [kind, Object.fromEntries(FATES.map((fate) => [fate, this.#of(kind, fate)]))]),
      ),
    };
  }

  #of(kind: (typeof KINDS)[number], fate: Fate): number {
    return this.#counts.get(`${kind} ${fate}`) ?? 0;
  }
}
