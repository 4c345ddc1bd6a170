import type { Store } from './store.js';

/** For each text of the contract, the values that subscriptions have now, each with how many have it. */
export type PresentValues = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Values of one text that are looked at: a text with more is a name or an id, and no list to choose from. */
const MOST_VALUES = 500;

/**
 * The values that these texts of subscriptions have. A text is left out where nobody has any value of it, and where there are
 * too many to say of one that it is missing. `texts`: names of columns of the view `subscriptions`, as the fact catalogue knows them.
 */
export async function readPresentValues(store: Store, texts: readonly string[]): Promise<PresentValues> {
  if (texts.length === 0) return new Map();
  const lists = texts.map((name) =>
    name === 'add_ons'
      ? "('add_ons', arrayMap(x -> toString(x), add_ons))"
      : `('${name}', [toString(${name})])`,
  );
  const rows = await store.rows<{ fact: string; value: string; n: number }>(
    `SELECT fact, value, count() AS n FROM (
       SELECT tupleElement(pair, 1) AS fact, arrayJoin(tupleElement(pair, 2)) AS value FROM (
         SELECT arrayJoin([${lists.join(', ')}]) AS pair FROM subscriptions WHERE status != 'ended'))
     WHERE value != '' GROUP BY fact, value ORDER BY n DESC, value LIMIT ${MOST_VALUES + 1} BY fact`,
  );
  const found = new Map<string, Map<string, number>>();
  for (const { fact, value, n } of rows) {
    const values = found.get(fact) ?? new Map<string, number>();
    found.set(fact, values.set(value, n));
  }
  return new Map([...found].filter(([, values]) => values.size <= MOST_VALUES));
}
