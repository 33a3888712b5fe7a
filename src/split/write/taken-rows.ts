/**
 * Attributes of keys while a key list is made: each is taken from one source row. Key lists call it, unit by unit. What
 * was taken for a key must not change when a later row has the same key.
 */
import { invariant, locating } from '../../errors.ts';
import { toPlain } from '../../parquet/columns.ts';
import type { Column, ColumnType } from '../../parquet/types.ts';
import { type AttributeColumn, isAttribute, type KeyedEntity } from '../../pipeline/compiled.ts';
import { locationOf } from '../../source/source-chunk.ts';
import { type FedKeys, feedKey, keyListColumn } from '../keys/fed-keys.ts';
import type { KeyListColumn } from '../keys/key-list-file.ts';
import { ValueList } from '../keys/value-list.ts';
import type { SourceUnit } from '../source-unit.ts';
import { evaluate } from './evaluate.ts';

const int32: ColumnType = { physical: 'INT32' };

export class TakenRows {
  readonly #entity: KeyedEntity;
  readonly #attributes: AttributeColumn[];
  readonly #plain: boolean;
  /** By attribute: the values taken so far. */
  readonly #taken: { type: ColumnType; values: ValueList }[] = [];
  /** By ordinal: position among the taken rows, or -1. */
  #position = new Int32Array(1024).fill(-1);
  /** Of each taken row, its number in the batch. */
  readonly #rows: Int32Array[] = [];
  #claimed = 0;
  #count = 0;

  /** `plain` keeps a value for each row where dictionaries would do. */
  constructor(entity: KeyedEntity, plain = false) {
    this.#entity = entity;
    this.#attributes = entity.columns.filter(isAttribute);
    this.#plain = plain;
  }

  has(ordinal: number): boolean {
    return ordinal < this.#position.length && this.#position[ordinal]! >= 0;
  }

  /** Says that the next row to be taken is a key's; of several, the last one counts. */
  claim(ordinal: number): void {
    if (ordinal >= this.#position.length) {
      const larger = new Int32Array(Math.max(ordinal + 1, this.#position.length * 2)).fill(-1, this.#position.length);
      larger.set(this.#position);
      this.#position = larger;
    }
    this.#position[ordinal] = this.#claimed++;
  }

  /** Takes the attributes of the rows `at` of a unit, which were claimed in this order. */
  take(unit: SourceUnit, at: Int32Array, fed: ReadonlyMap<string, FedKeys>): void {
    if (at.length === 0) return;
    this.#count += at.length;
    invariant(this.#count === this.#claimed, 'rows are taken as they were claimed');
    this.#rows.push(at.map((row) => unit.place.row + row));
    this.#attributes.forEach((attribute, a) => {
      const isRef = attribute.kind === 'ref';
      const type = isRef ? int32 : typeOf(attribute, unit);
      this.#taken[a] ??= { type, values: new ValueList(type) };
      const { values } = this.#taken[a];
      const { row: _, ...where } = locationOf(unit.place, at[0]!);
      locating({ ...where, column: attribute.name }, () => {
        const column = isRef ? referenceColumn(attribute, this.#entity, at, fed) : evaluate(attribute, unit, at);
        values.add(this.#plain ? toPlain(column) : column);
      });
    });
  }

  /** 1 for each of the first `keys` ordinals that has a row. */
  mask(keys: number): Uint8Array {
    const mask = new Uint8Array(keys);
    for (let ordinal = 0; ordinal < keys; ordinal++) mask[ordinal] = this.has(ordinal) ? 1 : 0;
    return mask;
  }

  /** The numbers, in the batch, of the rows of the first `keys` ordinals; 0 for one without a row. */
  rows(keys: number): Int32Array {
    const all = new Int32Array(this.#count);
    let at = 0;
    for (const rows of this.#rows) {
      all.set(rows, at);
      at += rows.length;
    }
    return Int32Array.from({ length: keys }, (_, ordinal) => (this.has(ordinal) ? all[this.#position[ordinal]!]! : 0));
  }

  /** The attributes of the first `keys` ordinals, as a key list names them; none when no row was taken. */
  columns(keys: number): KeyListColumn[] {
    if (this.#count === 0) return [];
    const position = new Int32Array(keys).fill(-1);
    position.set(this.#position.subarray(0, keys));
    return this.#attributes.map((attribute, a) => {
      const name =
        attribute.kind === 'ref' ? keyListColumn.reference(attribute.name) : keyListColumn.attribute(attribute.name);
      const { type, values } = this.#taken[a]!;
      return { name, type, ...values.gather(position) };
    });
  }
}

function typeOf(column: Exclude<AttributeColumn, { kind: 'ref' }>, unit: SourceUnit): ColumnType {
  return column.kind === 'copy' ? unit.column(column.source).type : column.type;
}

/** The referenced keys' ordinals at the rows `at`; null where the reference is null. */
function referenceColumn(
  column: Extract<AttributeColumn, { kind: 'ref' }>,
  owner: KeyedEntity,
  at: Int32Array,
  fed: ReadonlyMap<string, FedKeys>,
): Extract<Column, { form: 'plain' }> {
  const target = fed.get(
    feedKey({ target: column.entity, columns: column.columns, ...(owner.where && { selectedBy: owner.name }) }),
  );
  invariant(target, `reference "${column.name}" feeds "${column.entity}"`);
  const data = new Int32Array(at.length);
  const valid = new Uint8Array(at.length);
  let nulls = 0;
  for (let i = 0; i < at.length; i++) {
    const code = target.factor.codes[at[i]!]!;
    if (code < 0) {
      nulls++;
      continue;
    }
    data[i] = target.ordinals[code]!;
    valid[i] = 1;
  }
  return {
    form: 'plain',
    rows: at.length,
    nulls,
    values: { kind: 'int32', length: at.length, data },
    valid: nulls > 0 ? valid : undefined,
  };
}
