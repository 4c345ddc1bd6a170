import { TextBuilder, TextListBuilder, TextMapBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

export type RevisionKind = 'scoring' | 'rules';

export interface Revision {
  readonly kind: RevisionKind;
  readonly revision: string;
  readonly recordedAt: Millis;
  /** For scoring: feature names, in the order of the arrays of risk_log. */
  readonly features: readonly string[];
  /** File name to content. */
  readonly files: Readonly<Record<string, string>>;
}

/** Keeps a revision's files, so that what was scored or decided under it can be explained later. Known ones stay as they are. */
export async function recordRevision(store: Store, revision: Revision): Promise<void> {
  const known = await readRevision(store, revision.kind, revision.revision);
  if (known !== undefined) return;
  await insertRows(
    store,
    encodeRows<Revision>(
      'revisions',
      [
        column('kind', new TextBuilder(), (r: Revision) => r.kind),
        column('revision', new TextBuilder(), (r: Revision) => r.revision),
        column('recorded_at', new TimeBuilder(), (r: Revision) => r.recordedAt),
        column('features', new TextListBuilder(), (r: Revision) => r.features),
        column('files', new TextMapBuilder(), (r: Revision) => r.files),
      ],
      [revision],
    ),
  );
}

/** A revision with its files; undefined when the store has none of that name. */
export async function readRevision(
  store: Store,
  kind: RevisionKind,
  revision: string,
): Promise<Revision | undefined> {
  const rows = await store.rows<Revision>(
    `SELECT kind, revision, toUnixTimestamp64Milli(recorded_at) AS recordedAt, features, files
     FROM revisions WHERE kind = {kind:String} AND revision = {revision:String} ORDER BY recorded_at LIMIT 1`,
    { kind, revision },
  );
  return rows[0];
}

/** Every revision of a kind, the newest first. */
export async function listRevisions(store: Store, kind: RevisionKind): Promise<readonly Revision[]> {
  return store.rows<Revision>(
    `SELECT kind, revision, toUnixTimestamp64Milli(recorded_at) AS recordedAt, features, files
     FROM revisions FINAL WHERE kind = {kind:String} ORDER BY recordedAt DESC, revision`,
    { kind },
  );
}

/** A rule set that was live, without the text of its files. */
export interface RevisionListing {
  readonly revision: string;
  readonly recordedAt: Millis;
  /** In order. */
  readonly fileNames: readonly string[];
}

/** Revisions of a kind, the newest first, then by revision. `after`: only what comes after this one. */
export async function pageOfRevisions(
  store: Store,
  kind: RevisionKind,
  {
    after,
    limit,
  }: { readonly after?: Pick<RevisionListing, 'recordedAt' | 'revision'>; readonly limit: number },
): Promise<readonly RevisionListing[]> {
  const beyond =
    after === undefined
      ? ''
      : ' AND (-recordedAt, revision) > (-{after_time:Int64}, {after_revision:String})';
  return store.rows<RevisionListing>(
    `SELECT revision, toUnixTimestamp64Milli(recorded_at) AS recordedAt, arraySort(mapKeys(files)) AS fileNames
     FROM revisions FINAL WHERE kind = {kind:String}${beyond} ORDER BY recordedAt DESC, revision LIMIT {limit:UInt32}`,
    {
      kind,
      limit,
      ...(after === undefined ? {} : { after_time: after.recordedAt, after_revision: after.revision }),
    },
    { lane: 'ask' },
  );
}
