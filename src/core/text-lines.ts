/** A text by lines, from 1, for finding out what is wrong with how they are laid out. */
export class Lines {
  readonly #lines: readonly string[];
  readonly #starts: readonly number[];

  constructor(text: string) {
    this.#lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
    this.#starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  get count(): number {
    return this.#lines.length;
  }

  line(number: number): string {
    return this.#lines[number - 1] ?? '';
  }

  start(number: number): number {
    return this.#starts[number - 1] ?? 0;
  }

  numberAt(offset: number): number {
    const after = this.#starts.findIndex((start) => start > offset);
    return after < 0 ? this.count : after;
  }

  columnAt(offset: number): number {
    return offset - this.start(this.numberAt(offset)) + 1;
  }

  /** What follows on the same line, without a comment. */
  rest(offset: number): string {
    const rest = this.line(this.numberAt(offset)).slice(this.columnAt(offset) - 1);
    return rest.replace(/\s+#.*$/, '').trimEnd();
  }

  indent(number: number): number {
    return /^ */.exec(this.line(number))![0].length;
  }

  isListItem(number: number): boolean {
    return /^ *- /.test(this.line(number));
  }

  /** The next line that is neither empty nor a comment. */
  nextWritten(number: number): number | undefined {
    for (let n = number + 1; n <= this.count; n++) if (/^\s*[^\s#]/.test(this.line(n))) return n;
    return undefined;
  }

  /** Where names, or for a list item dashes, of lines before begin; of those the nearest, and both where two are as near. */
  nearestColumns(number: number): { readonly column: number; readonly line: number }[] {
    const indent = this.indent(number);
    const isItem = this.isListItem(number);
    const lineOf = new Map<number, number>();
    for (let n = number - 1; n >= Math.max(1, number - 50); n--) {
      const [marks, dash, mark] = /^( *)(- +)?(?=[^\s#])/.exec(this.line(n)) ?? [];
      if (marks === undefined || dash === undefined) continue;
      const column = isItem && mark !== undefined ? dash.length : marks.length;
      if (column !== indent && !lineOf.has(column)) lineOf.set(column, n);
    }
    const least = Math.min(...[...lineOf.keys()].map((column) => Math.abs(column - indent)));
    return [...lineOf]
      .filter(([column]) => Math.abs(column - indent) === least)
      .map(([column, line]) => ({ column, line }));
  }
}
