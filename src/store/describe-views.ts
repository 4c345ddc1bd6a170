import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';
import { readViews } from './view-files.js';

/** What views compute has no comment in a table: one text for each name, in whatever view it is. */
const COMPUTED: Readonly<Record<string, string>> = {
  ended_at: 'When this version ceased to hold; NULL: it holds',
  ended: 'Why it ceased to hold: corrected, retracted or withdrawn; empty: it holds',
  held_until: 'Until when it held: its end, what replaced it, or when it was taken back',
  ended_by: 'Load or retraction that ended it; empty: a later record, or it holds',
  features:
    'Feature to its value, NaN: no data; features_current and features_history have a column for each',
  contributions: 'Feature to the points of risk it adds; they sum to computed_risk',
  arr: 'Annual recurring revenue in major units of currency; NULL: not known',
  arr_reporting: 'Annual recurring revenue in the reporting currency; NULL: not known, or no rate',
  arr_at_risk: '(1 - renewal_probability) * ARR in major units of currency; NULL: either is not known',
  arr_at_risk_reporting: 'ARR at risk in the reporting currency; NULL: not known, or no rate',
  arr_before: 'Annual recurring revenue before, in major units of currency; NULL: not known',
  arr_after: 'Annual recurring revenue after, in major units of currency; NULL: not known',
  arr_before_reporting: 'ARR before in the reporting currency; NULL: not known, or no rate',
  arr_after_reporting: 'ARR after in the reporting currency; NULL: not known, or no rate',
  credit: 'One-off credit that it gives, in major units of currency; NULL: the currency is not known',
  cost: 'What it gives away, in major units of currency; NULL: the currency is not known',
  cost_reporting: 'What it gives away, in the reporting currency; NULL: no rate',
};

interface Described {
  readonly table: string;
  readonly name: string;
  readonly comment: string;
}

/**
 * Gives views and their columns the comments that clients show: of a view the text above its statement, of a column the one of
 * the table it comes from. A comment that the statement itself gives stays.
 */
export async function describeViews(store: Store): Promise<void> {
  const views = new Map(readViews().map((view) => [view.name, view]));
  const [tables, columns] = await Promise.all([
    store.rows<Omit<Described, 'name'>>(
      "SELECT name AS table, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
    ),
    store.rows<Described>(
      'SELECT table, name, comment FROM system.columns WHERE database = currentDatabase() ORDER BY table, position',
    ),
  ]);
  const own = new Map(columns.map(({ table, name, comment }) => [`${table}.${name}`, comment]));
  const commentOf = (table: string, name: string): string => {
    const given = own.get(`${table}.${name}`);
    if (given === undefined || given !== '') return given ?? '';
    if (COMPUTED[name] !== undefined) return COMPUTED[name];
    for (const source of views.get(table)?.sources ?? []) {
      const found = source === table ? '' : commentOf(source, name);
      if (found !== '') return found;
    }
    return '';
  };
  for (const { table, comment } of tables) {
    const { description = comment } = views.get(table) ?? {};
    const changes = columns
      .filter((column) => column.table === table && column.comment === '')
      .map(({ name }) => ({ name, text: commentOf(table, name) }))
      .filter(({ text }) => text !== '')
      .map(({ name, text }) => `COMMENT COLUMN ${quoteName(name)} ${quoteText(text)}`);
    if (description !== comment) changes.push(`MODIFY COMMENT ${quoteText(description)}`);
    if (changes.length > 0) await store.command(`ALTER TABLE ${quoteName(table)} ${changes.join(', ')}`);
  }
}
