import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

/** What a view needs to know of a feature. */
export interface FeatureColumn {
  readonly name: string;
  readonly type: 'number' | 'boolean';
  readonly unit: string;
  readonly description: string;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
}

interface FeatureView {
  readonly name: string;
  readonly source: string;
  readonly what: string;
}

const IDENTITY: readonly Column[] = [
  { name: 'account_id', type: 'String', comment: 'The account' },
  { name: 'subscription_id', type: 'String', comment: 'The subscription' },
  { name: 'as_of', type: "DateTime64(3, 'UTC')", comment: 'The time the features speak of' },
  {
    name: 'scoring_revision',
    type: 'LowCardinality(String)',
    comment: 'Revision of the scoring files they were computed under',
  },
];

const VIEWS: readonly FeatureView[] = [
  {
    name: 'features_current',
    source: 'risks',
    what: 'The features of every subscription that runs, as of the last pass',
  },
  {
    name: 'features_history',
    source: 'risk_history',
    what: 'The features of the past: the last of each day, and at changes of the band',
  },
];

/**
 * Makes `features_current` and `features_history`: a column for each feature of the active catalogue, NULL where it is not known. They
 * follow the catalogue, so no migration can hold them; they are replaced when the catalogue is another one.
 */
export async function recordFeatureViews(store: Store, features: readonly FeatureColumn[]): Promise<void> {
  const columns = features.map(({ name, type, unit, description }) => ({
    name,
    type: type === 'boolean' ? 'Nullable(Bool)' : 'Nullable(Float64)',
    comment: `${description.replace(/\.$/, '')}${unit === '' ? '' : `, in ${unit}`}; NULL: not known`,
  }));
  for (const view of VIEWS) {
    const known = await columnsOf(store, view);
    if (JSON.stringify([...IDENTITY, ...columns]) !== JSON.stringify(known)) await make(store, view, columns);
  }
}

/** Makes those that are there anew, with the columns that they have: for a store whose views are not what they were. */
export async function remakeFeatureViews(store: Store): Promise<void> {
  for (const view of VIEWS) {
    const columns = await columnsOf(store, view);
    if (columns.length > 0) await make(store, view, columns.slice(IDENTITY.length));
  }
}

/** None: there is no such view. */
function columnsOf(store: Store, { name: view }: FeatureView): Promise<readonly Column[]> {
  return store.rows<Column>(
    'SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = {view:String} ORDER BY position',
    { view },
  );
}

async function make(
  store: Store,
  { name: view, source, what }: FeatureView,
  features: readonly Column[],
): Promise<void> {
  const list = [...IDENTITY, ...features].map(
    ({ name, type, comment }) => `${quoteName(name)} ${type} COMMENT ${quoteText(comment)}`,
  );
  const values = features.map(({ name, type }) => {
    const value = `l.features[${quoteText(name)}]`;
    const isKnown = `mapContains(l.features, ${quoteText(name)}) AND NOT isNaN(${value})`;
    return `if(${isKnown}, ${type === 'Nullable(Bool)' ? `CAST(${value} != 0, 'Bool')` : value}, NULL) AS ${quoteName(name)}`;
  });
  const selected = [...IDENTITY.map(({ name }) => `l.${name} AS ${name}`), ...values];
  const text = `${what}, each in a column of its own. NULL: not known.`;
  await store.command(
    `CREATE OR REPLACE VIEW ${view} (${list.join(', ')}) AS
     SELECT ${selected.join(', ')} FROM ${source} AS l COMMENT ${quoteText(text)}`,
  );
}
