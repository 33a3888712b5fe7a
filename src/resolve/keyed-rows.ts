/**
 * The new rows of a keyed entity, as fragments: key and attribute columns, collected from the batches' key lists in
 * first-seen order. The resolve makes them. References wait for the seal, because their targets may be new in the same
 * run.
 */

import type { Fragment, FragmentColumn } from '../documents/split-record.ts';
import { invariant } from '../errors.ts';
import { keysToValues } from '../keys/encode.ts';
import type { KeyTable } from '../keys/table.ts';
import { gatherColumn } from '../parquet/columns.ts';
import { encodeColumn } from '../parquet/encode.ts';
import { builder } from '../parquet/logical.ts';
import { plainOnly, type Readers } from '../parquet/readers.ts';
import type { Codec, Column, ColumnType, Values } from '../parquet/types.ts';
import { allocate, gather, slice } from '../parquet/values.ts';
import type { KeyedEntity, OutColumn } from '../pipeline/compiled.ts';
import { keyListColumn } from '../split/keys/fed-keys.ts';
import type { KeyListColumn, KeyListTable } from '../split/keys/key-list-file.ts';
import { type GatheredValues, ValueList } from '../split/keys/value-list.ts';
import type { OutLeafType } from '../split/write/reuse-chunk.ts';
import type { StaticParts } from '../split/write/write-fragment.ts';

/** Rows of one row group of a keyed entity's file. */
const GROUP_ROWS = 1024 * 1024;

/** What is needed of a batch's key list, or of rows in its form. */
type KeyList = Pick<KeyListTable, 'rows' | 'columns'>;

/** A whole column in the order of keys; in dictionary form where it has indices. */
type WholeColumn = GatheredValues;

export class NewRows {
  readonly #entity: KeyedEntity;
  readonly #keyTypes: readonly ColumnType[];
  readonly #outputs: readonly OutLeafType[];
  readonly #readers: Readers;
  /** By output column, for attributes and references: the values of the rows that describe keys, batch by batch. */
  readonly #described = new Map<string, ValueList>();
  /** Batch of each described row. */
  readonly #batches: Int32Array[] = [];
  /** By ordinal: position among the described rows, or -1. */
  #position = new Int32Array(0);
  #count = 0;

  constructor(entity: KeyedEntity, keyTypes: readonly ColumnType[], outputs: readonly OutLeafType[], readers: Readers) {
    this.#readers = readers;
    this.#entity = entity;
    this.#keyTypes = keyTypes;
    this.#outputs = outputs;
  }

  /** Takes from a batch's list the rows that describe new keys not described yet. `ordinals` is by row of the list. */
  describe(batch: number, list: KeyList, ordinals: Int32Array, newKeys: number): void {
    this.#grow(newKeys);
    const described = list.columns.find((column) => column.name === keyListColumn.described)?.values;
    if (described?.kind !== 'boolean') return;
    const rows = new Int32Array(list.rows);
    const position = this.#position;
    let count = 0;
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal < 0 || described.data[row] === 0 || position[ordinal]! >= 0) continue;
      position[ordinal] = this.#count++;
      rows[count++] = row;
    }
    if (count === 0) return;
    const at = rows.subarray(0, count);
    this.#batches.push(new Int32Array(count).fill(batch));
    for (const column of this.#entity.columns) this.#take(column, list, at);
  }

  #take(column: OutColumn, list: KeyList, at: Int32Array): void {
    const name = column.kind === 'ref' ? keyListColumn.reference(column.name) : keyListColumn.attribute(column.name);
    const source = list.columns.find((candidate) => candidate.name === name);
    if (!source) return;
    const taken = this.#described.get(column.name) ?? new ValueList(source.type);
    this.#described.set(column.name, taken);
    taken.add(gatherColumn(columnOf(source, list.rows), at));
  }

  /**
   * The fragments, the lists they refer to, and by fragment the static bytes of each column. `ids` are those of the
   * keys, where they are known already.
   */
  finish(
    keys: KeyTable,
    codec: Codec,
    ids?: BigInt64Array,
  ): { fragments: Fragment[]; sections: Int32Array[]; parts: StaticParts[][] } {
    this.#grow(keys.size);
    const keyValues = keysToValues(keys, this.#keyTypes);
    const whole = new Map(
      this.#entity.columns.flatMap((column, c) =>
        column.kind === 'id' || column.kind === 'ref'
          ? []
          : [[column.name, this.#column(column, this.#outputs[c]!, keyValues)] as const],
      ),
    );
    if (ids) {
      const values: Values = { kind: 'int64', length: ids.length, data: ids };
      whole.set(this.#entity.columns[0]!.name, { values, indices: undefined, valid: undefined });
    }
    const sections: Int32Array[] = [];
    const fragments: Fragment[] = [];
    const parts: StaticParts[][] = [];
    for (let from = 0; from < keys.size; from += GROUP_ROWS) {
      const to = Math.min(keys.size, from + GROUP_ROWS);
      const columns: FragmentColumn[] = [];
      const bytes: StaticParts[] = [];
      this.#entity.columns.forEach((column, c) => {
        if (column.kind === 'id' && !whole.has(column.name)) {
          columns.push({ kind: 'id', sequence: column.sequence });
          bytes.push(undefined);
        } else if (column.kind === 'ref') {
          columns.push(this.#reference(column, from, to, codec, sections));
          bytes.push(undefined);
        } else {
          const out = this.#outputs[c]!;
          const chunk = encodeColumn(partOf(whole.get(column.name)!, from, to), out.type, out.optional, codec, {
            plain: plainOnly(this.#readers, out.type),
          });
          columns.push({ kind: 'static', meta: chunk.meta });
          bytes.push(chunk.parts);
        }
      });
      fragments.push({ rowGroup: fragments.length, rows: to - from, columns });
      parts.push(bytes);
    }
    return { fragments, sections, parts };
  }

  /** A whole static column in ordinal order. */
  #column(column: OutColumn, out: OutLeafType, keyValues: readonly Values[]): WholeColumn {
    if (column.kind === 'key') return { values: keyValues[column.component]!, indices: undefined, valid: undefined };
    if (column.kind === 'constant') return constant(column.value, out.type, this.#position.length);
    const taken = this.#described.get(column.name);
    const rows = this.#position.length;
    return taken
      ? taken.gather(this.#position)
      : { values: allocate(out.type, rows), indices: undefined, valid: new Uint8Array(rows) };
  }

  /** Which key of which batch each row refers to; the seal knows their IDs. */
  #reference(
    column: Extract<OutColumn, { kind: 'ref' }>,
    from: number,
    to: number,
    codec: Codec,
    sections: Int32Array[],
  ): FragmentColumn {
    const taken = this.#described.get(column.name);
    const batches = new Int32Array(to - from).fill(-1);
    const keys = new Int32Array(to - from).fill(-1);
    if (taken) {
      const { values, valid } = taken.gather(this.#position.subarray(from, to));
      invariant(values.kind === 'int32', 'references are ordinals');
      const batchOf = this.#batchOf();
      for (let row = from; row < to; row++) {
        const position = this.#position[row]!;
        if (position < 0) continue;
        batches[row - from] = batchOf[position]!;
        if (valid?.[row - from] !== 0) keys[row - from] = values.data[row - from]!;
      }
    }
    const base = sections.length;
    sections.push(batches, keys);
    const missing = column.missing === undefined ? {} : { missing: column.missing };
    return { kind: 'lateRef', target: column.entity, batches: base, keys: base + 1, codec, ...missing };
  }

  #batchOf(): Int32Array {
    const all = new Int32Array(this.#count);
    let at = 0;
    for (const batches of this.#batches) {
      all.set(batches, at);
      at += batches.length;
    }
    return all;
  }

  #grow(newKeys: number): void {
    const known = this.#position.length;
    if (known >= newKeys) return;
    const larger = new Int32Array(newKeys).fill(-1, known);
    larger.set(this.#position);
    this.#position = larger;
  }
}

/** A column of a list as a decoded column. */
function columnOf({ values, valid, indices }: KeyListColumn, rows: number): Column {
  if (indices) return { form: 'dictionary', rows, nulls: countBelow(indices), dictionary: values, indices };
  return { form: 'plain', rows, nulls: valid ? rows - sum(valid) : 0, values, valid };
}

/** Rows [from, to) of a whole column. */
export function partOf({ values, indices, valid }: WholeColumn, from: number, to: number): Column {
  const rows = to - from;
  if (indices) {
    const own = indices.subarray(from, to);
    return { form: 'dictionary', rows, nulls: countBelow(own), dictionary: values, indices: own };
  }
  const own = valid?.subarray(from, to);
  const nulls = own ? rows - sum(own) : 0;
  return { form: 'plain', rows, nulls, values: slice(values, from, to), valid: nulls > 0 ? own : undefined };
}

function countBelow(indices: Int32Array): number {
  let nulls = 0;
  for (let row = 0; row < indices.length; row++) if (indices[row]! < 0) nulls++;
  return nulls;
}

function sum(bits: Uint8Array): number {
  let total = 0;
  for (let row = 0; row < bits.length; row++) total += bits[row]!;
  return total;
}

function constant(value: unknown, type: ColumnType, rows: number): WholeColumn {
  if (value === null) return { values: allocate(type, rows), indices: undefined, valid: new Uint8Array(rows) };
  const build = builder(type);
  build.push(value);
  return { values: gather(build.finish().values, new Int32Array(rows)), indices: undefined, valid: undefined };
}
