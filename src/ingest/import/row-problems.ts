import type { Fault } from '../../signals/fault.js';

/** Rows that were rejected for one reason. */
export interface RowProblem {
  readonly file: string;
  /** The first of them. */
  readonly line: number;
  readonly reason: string;
  readonly field: string;
  readonly detail: string;
  readonly rows: number;
  /** The texts at fault with how many rows have each, the most frequent first. Of very many only some. */
  readonly texts: Readonly<Record<string, number>>;
}

/** Texts counted of one problem: enough to see what a map lacks. */
const TEXTS = 1_000;
/** Distinct problems that are counted; a fault names a field and not a value, so there are never as many. */
const PROBLEMS = 1_000;

/** Rejected rows by what is wrong with them. */
export class RowProblems {
  readonly #found = new Map<
    string,
    { problem: Omit<RowProblem, 'rows' | 'texts'>; rows: number; texts: Map<string, number> }
  >();

  add(file: string, line: number, { reason, field, detail: said, sample }: Fault): void {
    // A number out of range stands in the sentence, too: here it is one of the texts.
    const detail = sample === undefined ? said : said.replace(` is ${sample}: it`, '');
    const key = `${file}\n${reason}\n${field}\n${detail}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      if (this.#found.size >= PROBLEMS) return;
      found = { problem: { file, line, reason, field, detail }, rows: 0, texts: new Map() };
      this.#found.set(key, found);
    }
    found.rows++;
    if (sample === undefined) return;
    const text = sample.length > 100 ? `${sample.slice(0, 100)}…` : sample;
    const known = found.texts.get(text);
    if (known !== undefined || found.texts.size < TEXTS) found.texts.set(text, (known ?? 0) + 1);
  }

  /** The most frequent first. */
  get list(): readonly RowProblem[] {
    return [...this.#found.values()]
      .map(({ problem, rows, texts }) => ({
        ...problem,
        rows,
        texts: Object.fromEntries([...texts].sort(([, one], [, other]) => other - one)),
      }))
      .sort((one, other) => other.rows - one.rows || one.line - other.line);
  }
}
