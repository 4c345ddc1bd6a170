import { DAY_MS } from '../../src/core/clock.js';
import type { Signal } from '../../src/signals/signal.js';

/** What a naive operation is asked: the signals of one subscription in the window of the measure, in any order. */
export interface Asked {
  readonly signals: readonly Signal[];
  /** Signals of the types that end something, in the window too. */
  readonly ends: readonly Signal[];
  readonly asOf: number;
  readonly windowDays: number;
}

/**
 * Every operation in a few lines, as its description says it: the oracle of the SQL that does the same over millions of
 * signals. The value of a signal is `value`, the attribute `key`, the item `item`; null is what is not known.
 */
export const NAIVE: Readonly<Record<string, (asked: Asked) => number | null>> = {
  count: ({ signals }) => signals.length,
  total: ({ signals }) => sum(signals.map(({ value }) => value ?? 1)),
  sum: ({ signals }) => sum(values(signals)),
  mean: ({ signals }) => mean(values(signals)),
  min: ({ signals }) => orNull(values(signals), (all) => Math.min(...all)),
  max: ({ signals }) => orNull(values(signals), (all) => Math.max(...all)),
  quantile: ({ signals }) => quantile(values(signals), 0.75),
  last: ({ signals }) => byTime(signals.filter(hasValue)).at(-1)?.value ?? null,
  first: ({ signals }) => byTime(signals.filter(hasValue)).at(0)?.value ?? null,
  last_at: ({ signals }) => orNull(times(signals), (all) => Math.max(...all)),
  first_at: ({ signals }) => orNull(times(signals), (all) => Math.min(...all)),
  at_max: ({ signals }) => {
    const rank = (s: Signal) => Number(s.attributes.by);
    const ranked = byTime(signals.filter((s) => hasValue(s) && s.attributes.by !== undefined));
    return ranked.sort((a, b) => rank(a) - rank(b)).at(-1)?.value ?? null;
  },
  ewma: ({ signals, asOf }) => {
    const weight = (s: Signal) => 0.5 ** ((asOf - s.occurredAt) / (14 * DAY_MS));
    const valued = signals.filter(hasValue);
    return orNull(valued, () => sum(valued.map((s) => weight(s) * s.value!)) / sum(valued.map(weight)));
  },
  share: ({ signals }) =>
    orNull(signals, () => signals.filter((s) => s.attributes.key === 'x').length / signals.length),
  distinct: ({ signals }) => new Set(signals.flatMap((s) => s.attributes.key ?? [])).size,
  distinct_with_missing: ({ signals }) => new Set(signals.map((s) => s.attributes.key ?? '')).size,
  distinct_per_week: ({ signals, asOf }) =>
    new Set(
      signals
        .filter((s) => s.attributes.key !== undefined)
        .map((s) => `${s.attributes.key} ${Math.floor((asOf - s.occurredAt) / (7 * DAY_MS))}`),
    ).size,
  distinct_days: ({ signals, asOf }) =>
    new Set(signals.map((s) => Math.floor((asOf - s.occurredAt) / DAY_MS))).size,
  days_since: ({ signals, asOf, windowDays }) =>
    Math.min(windowDays, ...signals.map((s) => (asOf - s.occurredAt) / DAY_MS)),
  trend: ({ signals, asOf, windowDays }) => {
    const weeks = windowDays / 7;
    const inWeek = (week: number) =>
      signals.filter((s) => Math.floor((asOf - s.occurredAt) / (7 * DAY_MS)) === week).length;
    const points = Array.from({ length: weeks }, (_, week) => [-week, Math.log(1 + inWeek(week))] as const);
    const [mx, my] = [mean(points.map(([x]) => x))!, mean(points.map(([, y]) => y))!];
    return sum(points.map(([x, y]) => (x - mx) * (y - my))) / sum(points.map(([x]) => (x - mx) ** 2));
  },
  streak: ({ signals, ends }) => {
    const ended = Math.max(...times(ends));
    return Math.min(100, signals.filter((s) => s.occurredAt > ended).length);
  },
  open_items: (asked) => openItems(asked).length,
  open_items_age: (asked) => Math.max(0, ...openItems(asked).map((opened) => age(asked.asOf, opened))),
  open_items_age_median: (asked) =>
    quantile(
      openItems(asked).map((opened) => age(asked.asOf, opened)),
      0.5,
    ) ?? 0,
  covered_days: ({ signals, asOf, windowDays }) => {
    const from = asOf - windowDays * DAY_MS;
    const stretches = signals.map((s) => [Math.max(from, s.occurredAt), Math.min(asOf, until(s))] as const);
    const hours = Array.from({ length: windowDays * 24 }, (_, hour) => from + (hour + 0.5) * 3_600_000);
    return hours.filter((hour) => stretches.some(([a, b]) => a <= hour && hour < b)).length / 24;
  },
};

const hasValue = ({ value }: Signal) => value !== null;
const values = (signals: readonly Signal[]) => signals.flatMap(({ value }) => value ?? []);
const times = (signals: readonly Signal[]) => signals.map(({ occurredAt }) => occurredAt);
const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
const orNull = <T>(all: readonly T[], result: (all: readonly T[]) => number) =>
  all.length === 0 ? null : result(all);
const mean = (all: readonly number[]) => orNull(all, () => sum(all) / all.length);
const quantile = (all: readonly number[], q: number) =>
  orNull(all, () => [...all].sort((a, b) => a - b)[Math.ceil(q * all.length) - 1]!);
/** Of several at one time the one with the larger value is the later. */
const byTime = (signals: readonly Signal[]) =>
  [...signals].sort((a, b) => a.occurredAt - b.occurredAt || (a.value ?? 0) - (b.value ?? 0));
const age = (asOf: number, opened: readonly Signal[]) => (asOf - Math.min(...times(opened))) / DAY_MS;
const until = (s: Signal) =>
  s.attributes.until === undefined ? s.occurredAt + 30 * DAY_MS : Date.parse(s.attributes.until);

/** The openings of each item that is open: nothing closed it after the last of them. */
function openItems({ signals, ends }: Asked): Signal[][] {
  const of = (item: string | undefined, all: readonly Signal[]) =>
    all.filter((s) => s.attributes.item === item);
  const items = new Set(signals.flatMap((s) => s.attributes.item ?? []));
  return [...items].flatMap((item) => {
    const opened = of(item, signals);
    return Math.max(...times(opened)) >= Math.max(...times(of(item, ends))) ? [opened] : [];
  });
}
