/**
 * Columns that a pipeline computes: mapped, computed and constant ones. Functions of a pipeline must be pure. So they
 * run once for each distinct value where a dictionary shows the distinct values, and for each row only where nothing
 * does. Units, key lists and the fragment's writer call it.
 */
import { OrdinalError } from '../../errors.ts';
import { gatherColumn, joinColumns, toPlain } from '../../parquet/columns.ts';
import { type Builder, builder } from '../../parquet/logical.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import type { DerivedColumn, OutColumn } from '../../pipeline/compiled.ts';
import { locationOf } from '../../source/source-chunk.ts';
import { type JsView, reasonOf, shown } from '../contract/js-view.ts';
import type { UnitRows } from '../unit-column.ts';
import { computeNumbers } from './compute-numbers.ts';

/** Columns whose values can be had from a source row alone. */
export type ValueColumn = Extract<OutColumn, { kind: 'copy' | 'map' | 'compute' | 'constant' }>;

/** Combinations of dictionary entries that are worth remembering for a function of several columns. */
const COMBINATIONS_MAX = 1 << 20;

/** Runs the user's function and appends its result; false when the result is null (nothing is appended). */
type Apply = (build: Builder, args: unknown[], row: number) => boolean;

/** Values of an output column for the rows `at` (all rows when undefined), in that order. */
export function evaluate(column: ValueColumn, unit: UnitRows, at: Int32Array | undefined): Column {
  const rows = at?.length ?? unit.rows;
  switch (column.kind) {
    case 'copy': {
      const cleaned = unit.column(column.source).column();
      return at ? gatherColumn(cleaned, at) : cleaned;
    }
    case 'constant':
      return constantColumn(column, rows);
    case 'map': {
      const view = viewAt(unit.column(column.source).js(), at);
      return mapView(view, rows, column.type, column.nulls, guarded(column, unit, [column.source], at));
    }
    case 'compute': {
      const views = column.sources.map((name) => viewAt(unit.column(name).js(), at));
      const values = views.length > 1 ? computeNumbers(column.fn, views, rows, column.type) : undefined;
      if (values) return { form: 'plain', rows, nulls: 0, values, valid: undefined };
      return computeViews(views, rows, column.type, guarded(column, unit, column.sources, at));
    }
  }
}

/** A derived column: computed for the rows `at`, and null in all others; for all rows when undefined. */
export function computeSelected(
  column: Extract<DerivedColumn, { kind: 'compute' }>,
  unit: UnitRows,
  at: Int32Array | undefined,
): Column {
  const computed = evaluate(column, unit, at);
  if (!at) return computed;
  // One more place, for rows that were not selected.
  const places = new Int32Array(unit.rows).fill(at.length);
  for (let i = 0; i < at.length; i++) places[at[i]!] = i;
  const build = builder(column.type);
  build.pushNull();
  const { values } = build.finish();
  const none: Column = { form: 'plain', rows: 1, nulls: 1, values, valid: new Uint8Array(1) };
  return gatherColumn(joinColumns(column.type, [computed, none]), places);
}

function computeViews(views: readonly JsView[], rows: number, type: ColumnType, apply: Apply): Column {
  const only = views.length === 1 ? views[0]! : undefined;
  if (only) return mapView(only, rows, type, true, apply);
  const args = new Array<unknown>(views.length);
  const fill = (row: number) => {
    for (let c = 0; c < views.length; c++) args[c] = views[c]!.at(row);
    return args;
  };
  const combined = combine(views, rows);
  if (combined) return mapCodes(combined, rows, type, (build, row) => apply(build, fill(row), row));
  const build = builder(type);
  for (let row = 0; row < rows; row++) if (!apply(build, fill(row), row)) build.pushNull();
  return plainColumn(build, rows);
}

/** Rows as small numbers: equal numbers, equal arguments. */
interface Coded {
  /** By row. */
  codes: Int32Array;
  /** Makes a slot of a code: 0 where -1 is none, 1 where it stands for null. */
  base: 0 | 1;
  /** Slots are below it. */
  slots: number;
  /** Slots that may occur, at most: nobody looks for more. */
  occurring: number;
}

/** The combination of its dictionary entries for each row; undefined where there are too many combinations. */
function combine(views: readonly JsView[], rows: number): Coded | undefined {
  let combinations = 1;
  for (const view of views) {
    if (view.form !== 'dictionary') return undefined;
    combinations *= view.values.length + 1;
    if (combinations > COMBINATIONS_MAX || combinations > rows) return undefined;
  }
  const codes = new Int32Array(rows);
  for (const view of views) {
    if (view.form !== 'dictionary') return undefined;
    const radix = view.values.length + 1;
    for (let row = 0; row < rows; row++) codes[row] = codes[row]! * radix + view.indices[row]! + 1;
  }
  return { codes, base: 0, slots: combinations, occurring: combinations };
}

/** The first row of each slot that occurs, in ascending order. */
function firstRows({ codes, base, slots, occurring }: Coded, rows: number): number[] {
  const seen = new Uint8Array(slots);
  const first: number[] = [];
  for (let row = 0; row < rows && first.length < occurring; row++) {
    const slot = codes[row]! + base;
    if (seen[slot] === 1) continue;
    seen[slot] = 1;
    first.push(row);
  }
  return first;
}

/** Applies once for each code that occurs, on the first row that has it. */
function mapCodes(
  coded: Coded,
  rows: number,
  type: ColumnType,
  apply: (build: Builder, row: number) => boolean,
): Column {
  const { codes, base, slots } = coded;
  const entryOf = new Int32Array(slots).fill(-1);
  const build = builder(type);
  let entries = 0;
  const first = firstRows(coded, rows);
  for (const row of first) if (apply(build, row)) entryOf[codes[row]! + base] = entries++;
  const { values } = build.finish();
  const someNull = entries < first.length;
  if (values.kind === 'boolean') return spreadBooleans(coded, rows, entryOf, values.data, someNull);
  const indices = new Int32Array(rows);
  for (let row = 0; row < rows; row++) indices[row] = entryOf[codes[row]! + base]!;
  let nulls = 0;
  if (someNull) for (let row = 0; row < rows; row++) if (indices[row]! < 0) nulls++;
  return { form: 'dictionary', rows, nulls, dictionary: values, indices };
}

/** Booleans have no dictionary encoding: one pass, straight to the rows. */
function spreadBooleans(
  { codes, base }: Coded,
  rows: number,
  entryOf: Int32Array,
  entries: Uint8Array,
  someNull: boolean,
): Column {
  const NULL = 2;
  const verdicts = new Uint8Array(entryOf.length);
  for (let slot = 0; slot < verdicts.length; slot++)
    verdicts[slot] = entryOf[slot]! < 0 ? NULL : entries[entryOf[slot]!]!;
  const data = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) data[row] = verdicts[codes[row]! + base]!;
  let nulls = 0;
  let valid: Uint8Array | undefined;
  if (someNull) {
    valid = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      if (data[row] === NULL) nulls++;
      else valid[row] = 1;
      data[row] = data[row]! & 1;
    }
  }
  return { form: 'plain', rows, nulls, values: { kind: 'boolean', length: rows, data }, valid };
}

/** Maps a view value by value: once per dictionary entry that occurs, or per row. */
function mapView(view: JsView, rows: number, type: ColumnType, nullsToo: boolean, apply: Apply): Column {
  const args: unknown[] = [null];
  const one = (build: Builder, value: unknown, row: number): boolean => {
    if (value === null && !nullsToo) return false;
    args[0] = value;
    return apply(build, args, row);
  };
  if (view.form === 'dictionary') {
    // Unused entries are never given to the function.
    const { indices, values, nulls } = view;
    const coded: Coded = {
      codes: indices,
      base: 1,
      slots: values.length + 1,
      occurring: values.length + (nulls > 0 ? 1 : 0),
    };
    return mapCodes(coded, rows, type, (build, row) => one(build, view.at(row), row));
  }
  const build = builder(type);
  for (let row = 0; row < rows; row++) if (!one(build, view.at(row), row)) build.pushNull();
  return plainColumn(build, rows);
}

function viewAt(view: JsView, at: Int32Array | undefined): JsView {
  if (!at) return view;
  if (view.form === 'plain') return { form: 'plain', at: (i) => view.at(at[i]!) };
  const indices = new Int32Array(at.length);
  for (let i = 0; i < at.length; i++) indices[i] = view.indices[at[i]!]!;
  return { ...view, indices, at: (i) => view.at(at[i]!) };
}

function constantColumn(column: Extract<OutColumn, { kind: 'constant' }>, rows: number): Column {
  const build = builder(column.type);
  const isNull = column.value === null || column.value === undefined;
  if (!isNull) build.push(column.value);
  const indices = new Int32Array(rows);
  if (isNull) indices.fill(-1);
  return dictionaryColumn(build.finish().values, indices, rows, isNull ? rows : 0);
}

/** A dictionary column; booleans, which have no dictionary encoding, are spread over the rows. */
function dictionaryColumn(dictionary: Values, indices: Int32Array, rows: number, nulls: number): Column {
  const column: Column = { form: 'dictionary', rows, nulls, dictionary, indices };
  return dictionary.kind === 'boolean' ? toPlain(column) : column;
}

function plainColumn(build: Builder, rows: number): Column {
  const { values, valid } = build.finish();
  let nulls = 0;
  if (valid) for (let row = 0; row < rows; row++) if (valid[row] === 0) nulls++;
  return { form: 'plain', rows, nulls, values, valid };
}

/** The user's function with its failures, and results that its declared type refuses, named by row. */
function guarded(
  column: Extract<OutColumn, { kind: 'map' | 'compute' }>,
  unit: UnitRows,
  sources: string[],
  at: Int32Array | undefined,
): Apply {
  const call =
    column.kind === 'map' ? (args: unknown[]) => column.fn(args[0]) : (args: unknown[]) => column.fn(...args);
  return (build, args, row) => {
    try {
      const value = call(args);
      if (value === null || value === undefined) return false;
      build.push(value);
      return true;
    } catch (thrown) {
      throw new OrdinalError(
        'InvalidValue',
        `column "${column.name}" of (${args.map(shown).join(', ')}): ${reasonOf(thrown)}`,
        {
          where: { ...locationOf(unit.place, at ? at[row]! : row), column: sources.join(', ') },
          remedy: `Correct the ${column.kind} function of "${column.name}", or its declared type.`,
          cause: thrown,
        },
      );
    }
  };
}
