import {
  type ColumnBuilder,
  FloatBuilder,
  IntegerBuilder,
  TextBuilder,
  TextListBuilder,
  TextMapBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import type { Batch } from '../columns/batch.js';
import { valueAt } from '../columns/column.js';
import {
  DECISION_FIELDS,
  type Decision,
  type DecisionEvent,
  EVENT_FIELDS,
  type Field,
  type FieldKind,
} from '../decisions/decision.js';
import { type ColumnOf, column } from './encoded-rows.js';

/** How each kind of field goes into a table and comes out of it. */
interface Codec {
  builder(): ColumnBuilder<never>;
  encode(value: unknown): unknown;
  /** Expression that reads a column, so that JSON has what the field holds. */
  select(column: string): string;
  decode(value: unknown): unknown;
}

const asIs = (value: unknown): unknown => value;
const plain = (builder: () => ColumnBuilder<never>): Codec => ({
  builder,
  encode: asIs,
  select: (name) => name,
  decode: asIs,
});
const time: Codec = {
  ...plain(() => new TimeBuilder() as ColumnBuilder<never>),
  select: (name) => `toUnixTimestamp64Milli(${name})`,
};
const integer = plain(() => new IntegerBuilder() as ColumnBuilder<never>);

const CODECS: Readonly<Record<FieldKind, Codec>> = {
  text: plain(() => new TextBuilder() as ColumnBuilder<never>),
  time,
  optional_time: time,
  number: plain(() => new FloatBuilder() as ColumnBuilder<never>),
  optional_number: plain(() => new FloatBuilder() as ColumnBuilder<never>),
  integer,
  optional_integer: integer,
  texts: plain(() => new TextListBuilder() as ColumnBuilder<never>),
  text_map: plain(() => new TextMapBuilder() as ColumnBuilder<never>),
  json: {
    ...plain(() => new TextBuilder() as ColumnBuilder<never>),
    encode: (value) => JSON.stringify(value),
    decode: (value) => JSON.parse(value as string),
  },
};

/** A field's column: the name of the field in snake_case. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Fields = Readonly<Record<string, Field<unknown>>>;

function columnsOf<R>(fields: Fields, of: (record: R) => object): ColumnOf<R>[] {
  return Object.entries(fields).map(([name, { kind }]) => {
    const { builder, encode } = CODECS[kind];
    return column(columnName(name), builder(), (record: R) =>
      encode((of(record) as Record<string, unknown>)[name]),
    ) as ColumnOf<R>;
  });
}

/** The columns of an event with the decision after it. */
export function eventColumns<R>(of: (record: R) => DecisionEvent): ColumnOf<R>[] {
  return [
    ...columnsOf(DECISION_FIELDS, (record: R) => of(record).decision),
    ...columnsOf(EVENT_FIELDS, (record: R) => of(record)),
  ];
}

function selectOf(fields: Fields, from: string): string {
  return Object.entries(fields)
    .map(([name, { kind }]) => `${CODECS[kind].select(`${from}.${columnName(name)}`)} AS ${name}`)
    .join(', ');
}

/** Fields that JSON does not bring as they are, with what makes them so. */
function decodersOf(
  fields: Fields,
): readonly (readonly [name: string, decode: (value: unknown) => unknown])[] {
  return Object.entries(fields).flatMap(([name, { kind }]) => {
    const { decode } = CODECS[kind];
    return decode === asIs ? [] : [[name, decode] as const];
  });
}

const DECODERS = decodersOf(DECISION_FIELDS);

/** A row as JSON has it. */
export type DecisionRow = Record<string, unknown>;

/** The fields of a decision, read from a table or subquery that is called `d`; `decisionOf` reads a row of them. */
export const SELECT_DECISION = selectOf(DECISION_FIELDS, 'd');
/** The same for an event; `eventOf` reads a row of them. */
export const SELECT_EVENT = `${SELECT_DECISION}, ${selectOf(EVENT_FIELDS, 'd')}`;

/** Takes the row over: it becomes the decision. */
export function decisionOf(row: DecisionRow): Decision {
  for (const [name, decode] of DECODERS) row[name] = decode(row[name]);
  return row as unknown as Decision;
}

export function eventOf(row: DecisionRow): DecisionEvent {
  const event: Record<string, unknown> = {};
  for (const name of Object.keys(EVENT_FIELDS)) {
    event[name] = row[name];
    delete row[name];
  }
  return { ...event, decision: decisionOf(row) } as unknown as DecisionEvent;
}

/**
 * Fields that only explain a decision. They are most of its bytes, and no pass looks at them: passes read decisions without
 * them, and they are added again before an event is stored.
 */
const EXPLAINING = ['params', 'reasons', 'suppressed', 'candidates'] as const;
type Explaining = Pick<Decision, (typeof EXPLAINING)[number]>;
const WITHOUT: Explaining = { params: {}, reasons: [], suppressed: [], candidates: [] };

const working = Object.fromEntries(Object.entries(DECISION_FIELDS).filter(([name]) => !(name in WITHOUT)));
/** The fields that a pass works with; `workingDecisionOf` reads a row of them. */
export const SELECT_WORKING_DECISION = selectOf(working, 'd');

export function workingDecisionOf(row: DecisionRow): Decision {
  return Object.assign(row, WITHOUT) as unknown as Decision;
}

/** Has every field, so that all decisions have one shape: an object that gets forty fields one after the other is slow to read. */
const TEMPLATE: DecisionRow = {
  ...Object.fromEntries(Object.keys(DECISION_FIELDS).map((name) => [name, null])),
  ...WITHOUT,
};

/** Reads the rows of a batch of `SELECT_WORKING_DECISION` as `workingDecisionOf` reads them from JSON. */
export function workingDecisionReader(batch: Batch): (row: number) => Decision {
  const columns = Object.keys(working).map((name) => [name, batch.column(name)] as const);
  return (row) => {
    const decision = { ...TEMPLATE };
    for (const [name, column] of columns) decision[name] = valueAt(column, row);
    return decision as unknown as Decision;
  };
}

/** Whether a decision was read without what explains it. */
export function lacksExplanation({ reasons }: Decision): boolean {
  return reasons === WITHOUT.reasons;
}

const explaining = Object.fromEntries(EXPLAINING.map((name) => [name, DECISION_FIELDS[name]]));
/** The fields that explain a decision, beside its id. */
export const SELECT_EXPLANATION = `d.decision_id AS decisionId, ${selectOf(explaining, 'd')}`;
const EXPLANATION_DECODERS = decodersOf(explaining);

/** The decision that a row belongs to, and what explains it. */
export function explanationOf(row: DecisionRow): readonly [decisionId: string, explanation: Explaining] {
  const { decisionId, ...rest } = row;
  for (const [name, decode] of EXPLANATION_DECODERS) rest[name] = decode(rest[name]);
  return [decisionId as string, rest as unknown as Explaining];
}
