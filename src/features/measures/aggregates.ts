/** A call of an aggregate function: `name(parameters)(args)`, over the rows that fulfil a condition. */
export interface AggregateCall {
  readonly name: string;
  readonly parameters?: readonly number[];
  readonly args: readonly string[];
  readonly condition: string | null;
}

/** Gives the SQL of what a call results in. */
export type Aggregate = (call: AggregateCall) => string;

/** Over rows as they are. */
export const inOneStep: Aggregate = (call) => callSql(call, '');

/**
 * Over rows that are aggregated by something finer first: there the states that the calls need, and afterwards their merging.
 * Every aggregate function of ClickHouse can be split so.
 */
export class InTwoSteps {
  readonly #states = new Map<string, string>();

  readonly aggregate: Aggregate = (call) => {
    const state = callSql(call, 'State');
    const name = this.#states.get(state) ?? `s${this.#states.size}`;
    this.#states.set(state, name);
    return callSql({ ...call, args: [name] }, 'Merge');
  };

  /** The columns of the first step; complete once every call was made. */
  columns(): string[] {
    return [...this.#states].map(([state, name]) => `${state} AS ${name}`);
  }
}

function callSql({ name, parameters, args, condition }: AggregateCall, step: '' | 'State' | 'Merge'): string {
  const filtered = condition === null ? '' : 'If';
  // Stretches are cut after rows are filtered: Resample stands last, and its condition first.
  const full = name.endsWith('Resample')
    ? `${name.slice(0, -'Resample'.length)}${filtered}Resample`
    : `${name}${filtered}`;
  const given = parameters === undefined ? '' : `(${parameters.join(', ')})`;
  const filter = condition === null || step === 'Merge' ? [] : [condition];
  const all = name.endsWith('Resample') ? [...filter, ...args] : [...args, ...filter];
  return `${full}${step}${given}(${all.join(', ')})`;
}
