/**
 * The rows of a keyed entity that are new in a run: key and attribute columns, gathered from the batches' key lists in
 * first-seen order, as fragments. References wait for the seal: their targets may be new in the same run.
 */
import { keysToValues } from '../keys/encode.ts';
import type { KeyTable } from '../keys/table.ts';
import { encodeColumn } from '../parquet/encode.ts';
import { builder } from '../parquet/logical.ts';
import type { Table } from '../parquet/table.ts';
import type { Codec, ColumnType, Values } from '../parquet/types.ts';
import { allocate, concat, gather, slice } from '../parquet/values.ts';
import type { KeyedEntity, OutColumn } from '../pipeline/compiled.ts';
import { keyListColumn } from './fed-keys.ts';
import type { Fragment, FragmentColumn } from './fragment.ts';
import type { OutLeafType, StaticParts } from './write-fragment.ts';

/** Rows of one row group of a keyed entity's file. */
const GROUP_ROWS = 1024 * 1024;

/** The row that describes a key, over all batches: values, validity, and the batch it came from. */
interface Described {
  values: Values[];
  valid: Uint8Array[];
}

export class NewRows {
  readonly #entity: KeyedEntity;
  readonly #keyTypes: readonly ColumnType[];
  readonly #outputs: readonly OutLeafType[];
  /** By output column, for attributes and references. */
  readonly #described = new Map<string, Described>();
  /** Batch of each described row. */
  readonly #batches: Int32Array[] = [];
  /** By ordinal: position among the described rows, or -1. */
  #position = new Int32Array(0);
  #count = 0;

  constructor(entity: KeyedEntity, keyTypes: readonly ColumnType[], outputs: readonly OutLeafType[]) {
    this.#entity = entity;
    this.#keyTypes = keyTypes;
    this.#outputs = outputs;
  }

  /** Takes from a batch's list the rows that describe new keys not described yet. `ordinals` is by row of the list. */
  describe(batch: number, list: Table, ordinals: Int32Array, newKeys: number): void {
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

  #take(column: OutColumn, list: Table, at: Int32Array): void {
    const name = column.kind === 'ref' ? keyListColumn.reference(column.name) : keyListColumn.attribute(column.name);
    const source = list.columns.find((candidate) => candidate.name === name);
    if (!source) return;
    const taken = this.#described.get(column.name) ?? { values: [], valid: [] };
    this.#described.set(column.name, taken);
    taken.values.push(gather(source.values, at));
    taken.valid.push(gatherBits(source.valid, at));
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
      whole.set(this.#entity.columns[0]!.name, { values, valid: undefined });
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
          const { values, valid } = whole.get(column.name)!;
          const out = this.#outputs[c]!;
          const part = valid?.subarray(from, to);
          const nulls = part ? part.reduce((sum, bit) => sum + (bit === 0 ? 1 : 0), 0) : 0;
          const chunk = encodeColumn(
            {
              form: 'plain',
              rows: to - from,
              nulls,
              values: slice(values, from, to),
              valid: nulls > 0 ? part : undefined,
            },
            out.type,
            out.optional,
            codec,
          );
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
  #column(
    column: OutColumn,
    out: OutLeafType,
    keyValues: readonly Values[],
  ): { values: Values; valid: Uint8Array | undefined } {
    if (column.kind === 'key') return { values: keyValues[column.component]!, valid: undefined };
    if (column.kind === 'constant') return constant(column.value, out.type, this.#position.length);
    const taken = this.#described.get(column.name);
    const rows = this.#position.length;
    if (!taken) return { values: allocate(out.type, rows), valid: new Uint8Array(rows) };
    const values = gather(concat(out.type, taken.values), this.#position);
    return { values, valid: this.#valid(taken) };
  }

  #valid(taken: Described): Uint8Array {
    return gatherBits(Buffer.concat(taken.valid), this.#position);
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
      const targets = concat({ physical: 'INT32' }, taken.values);
      const valid = Buffer.concat(taken.valid);
      const batchOf = this.#batchOf();
      for (let row = from; row < to; row++) {
        const position = this.#position[row]!;
        if (position < 0 || valid[position] === 0 || targets.kind !== 'int32') continue;
        batches[row - from] = batchOf[position]!;
        keys[row - from] = targets.data[position]!;
      }
    }
    const base = sections.length;
    sections.push(batches, keys);
    return { kind: 'lateRef', target: column.entity, batches: base, keys: base + 1, codec };
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

/** Validity at the given rows; -1 is not valid. Undefined stands for all valid. */
function gatherBits(valid: Uint8Array | undefined, at: Int32Array): Uint8Array {
  const out = new Uint8Array(at.length);
  for (let i = 0; i < at.length; i++) {
    const row = at[i]!;
    if (row >= 0) out[i] = valid === undefined ? 1 : valid[row]!;
  }
  return out;
}

function constant(value: unknown, type: ColumnType, rows: number): { values: Values; valid: Uint8Array | undefined } {
  if (value === null || value === undefined) return { values: allocate(type, rows), valid: new Uint8Array(rows) };
  const build = builder(type);
  build.push(value);
  return { values: gather(build.finish().values, new Int32Array(rows)), valid: undefined };
}
