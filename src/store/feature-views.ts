import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

/** What a view needs to know of a feature. */
export interface FeatureColumn {
  readonly name: string;
  readonly type: 'number' | 'boolean';
  readonly unit: string;
  readonly description: string;
}

const IDENTITY = [
  ['account_id', 'String', 'The account'],
  ['subscription_id', 'String', 'The subscription'],
  ['as_of', "DateTime64(3, 'UTC')", 'The time the features speak of'],
  ['scoring_revision', 'LowCardinality(String)', 'Revision of the scoring files they were computed under'],
] as const;

const VIEWS = [
  ['features_current', 'risks', 'The features of every subscription that runs, as of the last pass'],
  [
    'features_history',
    'risk_history',
    'The features of the past: the last of each day, and at changes of the band',
  ],
] as const;

/**
 * Makes `features_current` and `features_history`: a column for each feature of the active catalogue, NULL where it is not known. They
 * follow the catalogue, so no migration can hold them; they are replaced when the catalogue is another one.
 */
export async function recordFeatureViews(store: Store, features: readonly FeatureColumn[]): Promise<void> {
  for (const [view, source, what] of VIEWS) {
    const text = `${what}, each in a column of its own. NULL: not known.`;
    const columns = [
      ...IDENTITY,
      ...features.map(({ name, type, unit, description }) => [
        name,
        type === 'boolean' ? 'Nullable(Bool)' : 'Nullable(Float64)',
        `${description.replace(/\.$/, '')}${unit === '' ? '' : `, in ${unit}`}; NULL: not known`,
      ]),
    ];
    const known = await store.rows<{ name: string; type: string; comment: string }>(
      'SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = {view:String} ORDER BY position',
      { view },
    );
    if (isSame(columns, known)) continue;
    const values = features.map(({ name, type }) => {
      const value = `l.features[${quoteText(name)}]`;
      const isKnown = `mapContains(l.features, ${quoteText(name)}) AND NOT isNaN(${value})`;
      return `if(${isKnown}, ${type === 'boolean' ? `CAST(${value} != 0, 'Bool')` : value}, NULL) AS ${quoteName(name)}`;
    });
    const list = columns.map(
      ([name, type, comment]) => `${quoteName(name!)} ${type} COMMENT ${quoteText(comment!)}`,
    );
    await store.command(
      `CREATE OR REPLACE VIEW ${view} (${list.join(', ')}) AS
       SELECT ${[...IDENTITY.map(([name]) => `l.${name} AS ${name}`), ...values].join(', ')} FROM ${source} AS l COMMENT ${quoteText(text)}`,
    );
  }
}

function isSame(
  columns: readonly (readonly string[])[],
  known: readonly { readonly name: string; readonly type: string; readonly comment: string }[],
): boolean {
  return (
    JSON.stringify(columns) === JSON.stringify(known.map(({ name, type, comment }) => [name, type, comment]))
  );
}
