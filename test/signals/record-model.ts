/** What is known of one record, in plain words: everything that was said of it, and what of that counts. */
export class RecordModel {
  readonly #said: (
    | { readonly value: number; readonly load: string }
    | 'retracted'
    | { readonly withdrawnBy: string }
  )[] = [];

  arrive(value: number, load: string, undone: ReadonlySet<string>): void {
    const { held, out } = this.#stateOf(undone);
    // What was retracted stays out: that it comes again is as if it did not.
    if (held === null && out.has(value)) return;
    this.#said.push({ value, load });
  }

  /**
   * Whether it is left open what becomes of it: it was retracted, then a load brought other contents, after which it may come again,
   * and that load was undone.
   */
  isOpen(value: number, undone: ReadonlySet<string>): boolean {
    const { held, out } = this.#stateOf(undone);
    return held === null && out.has(value) !== this.#stateOf(new Set()).out.has(value);
  }

  /** A load that stands for all others did not bring it: what no message said, too, is gone. */
  replace(load: string, undone: ReadonlySet<string>): void {
    const held = this.held(undone);
    if (held === null) return;
    for (const one of [...this.#said].reverse()) {
      if (one === 'retracted' || 'withdrawnBy' in one || one.value !== held) break;
      if (one.load === '') return;
    }
    this.#said.push({ withdrawnBy: load });
  }

  retract(): void {
    this.#said.push('retracted');
  }

  held(undone: ReadonlySet<string>): number | null {
    return this.#stateOf(undone).held;
  }

  #stateOf(undone: ReadonlySet<string>): { held: number | null; out: ReadonlySet<number> } {
    let held: number | null = null;
    let out: ReadonlySet<number> = new Set();
    const ever = new Set<number>();
    for (const one of this.#said) {
      if (one === 'retracted') {
        held = null;
        out = new Set(ever);
        continue;
      }
      if ('withdrawnBy' in one) {
        if (undone.has(one.withdrawnBy)) continue;
        held = null;
        out = new Set();
        continue;
      }
      ever.add(one.value);
      if (undone.has(one.load)) continue;
      held = one.value;
      out = new Set();
    }
    return { held, out };
  }
}
