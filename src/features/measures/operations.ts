/** What a measure gives for a subscription that has none of its signals, while others have. */
export type Absent =
  /** 0: nothing happened, and that says something. */
  | 'zero'
  /** As long as the subscription has been observed, at most the window: it never happened. */
  | 'never'
  | 'not_known';

export interface Operation {
  readonly description: string;
  /** What it takes from each signal. */
  readonly input: 'nothing' | 'number' | 'number or time' | 'attribute' | 'item' | 'SQL';
  readonly output: 'number' | 'time' | 'number or time';
  readonly absent: Absent;
  /** What it takes to put together the results of two parts of the signals. */
  readonly merges: string;
  /** Memory for a subscription while it is computed. */
  readonly memory: string;
}

/**
 * The one table of operations. None depends on the order of rows: fractions are rounded to whole millionths before they are
 * summed, and of signals of one time the one with the larger value is the later.
 */
export const OPERATIONS = {
  count: {
    description: 'Number of signals.',
    input: 'nothing',
    output: 'number',
    absent: 'zero',
    merges: 'sum',
    memory: '8 bytes',
  },
  total: {
    description:
      'Sum of the values, a signal without a value counting 1: for producers that send totals beside those that send events.',
    input: 'number',
    output: 'number',
    absent: 'zero',
    merges: 'sum',
    memory: '16 bytes',
  },
  sum: {
    description: 'Sum of the values; beyond a thousand million million a value counts as that much.',
    input: 'number',
    output: 'number',
    absent: 'zero',
    merges: 'sum',
    memory: '16 bytes',
  },
  mean: {
    description: 'Mean of the values.',
    input: 'number',
    output: 'number',
    absent: 'not_known',
    merges: 'sums and counts',
    memory: '24 bytes',
  },
  min: {
    description: 'Least value.',
    input: 'number or time',
    output: 'number or time',
    absent: 'not_known',
    merges: 'the least',
    memory: '8 bytes',
  },
  max: {
    description: 'Largest value.',
    input: 'number or time',
    output: 'number or time',
    absent: 'not_known',
    merges: 'the largest',
    memory: '8 bytes',
  },
  quantile: {
    description: 'The value at or below which a share of the values lies.',
    input: 'number',
    output: 'number',
    absent: 'not_known',
    merges: 'all values',
    memory: '8 bytes a signal',
  },
  last: {
    description: 'Value of the latest signal that has one; of several at one time the largest.',
    input: 'number or time',
    output: 'number or time',
    absent: 'not_known',
    merges: 'the latest, then the largest',
    memory: '24 bytes',
  },
  first: {
    description: 'Value of the earliest signal that has one; of several at one time the least.',
    input: 'number or time',
    output: 'number or time',
    absent: 'not_known',
    merges: 'the earliest, then the least',
    memory: '24 bytes',
  },
  last_at: {
    description: 'Time of the latest signal; with `value`, of the latest that has one.',
    input: 'nothing',
    output: 'time',
    absent: 'not_known',
    merges: 'the largest',
    memory: '8 bytes',
  },
  first_at: {
    description: 'Time of the earliest signal; with `value`, of the earliest that has one.',
    input: 'nothing',
    output: 'time',
    absent: 'not_known',
    merges: 'the least',
    memory: '8 bytes',
  },
  at_max: {
    description: 'Value of the signal for which `by` is largest; of several the latest.',
    input: 'number or time',
    output: 'number or time',
    absent: 'not_known',
    merges: 'the one with the larger `by`',
    memory: '32 bytes',
  },
  ewma: {
    description: 'Mean of the values, in which a signal counts half as much for each half-life of its age.',
    input: 'number',
    output: 'number',
    absent: 'not_known',
    merges: 'sums of weights and weighted values',
    memory: '32 bytes',
  },
  share: {
    description: 'Share of the signals that fulfil `having`.',
    input: 'nothing',
    output: 'number',
    absent: 'not_known',
    merges: 'both counts',
    memory: '16 bytes',
  },
  distinct: {
    description: 'Number of different values of an attribute.',
    input: 'attribute',
    output: 'number',
    absent: 'zero',
    merges: 'the set of values',
    memory: '16 bytes a different value',
  },
  distinct_days: {
    description: 'Number of days with a signal, in stretches of 24 hours back from as_of.',
    input: 'nothing',
    output: 'number',
    absent: 'zero',
    merges: 'the set of days',
    memory: '8 bytes; 8 a day beyond 64 days',
  },
  days_since: {
    description:
      'Days since the latest signal; where there never was one, as long as the subscription has been observed.',
    input: 'nothing',
    output: 'number',
    absent: 'never',
    merges: 'the least',
    memory: '8 bytes',
  },
  trend: {
    description: 'Least-squares slope of log(1 + number of signals) over stretches of `every`, by stretch.',
    input: 'nothing',
    output: 'number',
    absent: 'zero',
    merges: 'counts by stretch',
    memory: '8 bytes a stretch',
  },
  streak: {
    description: 'Number of signals since the last of `ended_by`, at most 100.',
    input: 'nothing',
    output: 'number',
    absent: 'zero',
    merges: 'the 100 latest times and the latest end',
    memory: '808 bytes',
  },
  open_items: {
    description:
      'Number of items that are open, such as tickets. Looks back as far as there is anything: an item does not close by growing old.',
    input: 'item',
    output: 'number',
    absent: 'zero',
    merges: 'the latest event by item',
    memory: 'some 100 bytes an item',
  },
  open_items_age: {
    description:
      'Days that an item has been open: the largest, or a quantile, over all open items; 0 when none is.',
    input: 'item',
    output: 'number',
    absent: 'zero',
    merges: 'the latest event and the start by item',
    memory: 'some 100 bytes an item',
  },
  covered_days: {
    description:
      'Days of the window under at least one of the stretches that signals begin, such as discounts.',
    input: 'number or time',
    output: 'number',
    absent: 'zero',
    merges: 'all stretches',
    memory: '16 bytes a signal',
  },
  sql: {
    description: 'The way out: an aggregate expression in ClickHouse SQL.',
    input: 'SQL',
    output: 'number',
    absent: 'not_known',
    merges: 'what ClickHouse keeps',
    memory: 'what ClickHouse needs',
  },
} as const satisfies Record<string, Operation>;
