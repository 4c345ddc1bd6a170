import type { RecordBatch } from 'apache-arrow';
import type { Query } from './question.js';

/** What reading features needs of the store: `store/store.ts` has it. */
export interface FeatureStore {
  arrow(
    sql: string,
    params: Query['params'],
    options: {
      readonly lane: 'serve' | 'batch';
      readonly settings: Readonly<Record<string, string | number>>;
    },
  ): AsyncGenerator<RecordBatch>;
  rows<T>(sql: string, params: Query['params'], options: { readonly lane: 'serve' | 'batch' }): Promise<T[]>;
  text(sql: string, params: Query['params'], options: { readonly lane: 'batch' }): Promise<string>;
}
