/** Attributes of keys, each taken from one source row, unit by unit: columns of a key list in the making. */
import { invariant } from '../errors.ts';
import type { TableColumn } from '../parquet/table.ts';
import type { Column, ColumnType } from '../parquet/types.ts';
import { concat, gather } from '../parquet/values.ts';
import { type AttributeColumn, isAttribute, type KeyedEntity } from '../pipeline/compiled.ts';
import { type PlainColumn, toPlain } from './columns.ts';
import { evaluate } from './evaluate.ts';
import { type FedKeys, feedKey, keyListColumn } from './fed-keys.ts';
import type { SourceUnit } from './source-unit.ts';

const int32: ColumnType = { physical: 'INT32' };

export class TakenRows {
  readonly #entity: KeyedEntity;
  readonly #attributes: AttributeColumn[];
  /** By attribute: the values taken so far, unit by unit. */
  readonly #taken: { column: PlainColumn; type: ColumnType }[][];
  /** By ordinal: position among the taken rows, or -1. */
  #position = new Int32Array(1024).fill(-1);
  #claimed = 0;
  #count = 0;

  constructor(entity: KeyedEntity) {
    this.#entity = entity;
    this.#attributes = entity.columns.filter(isAttribute);
    this.#taken = this.#attributes.map(() => []);
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
    this.#attributes.forEach((attribute, a) => {
      this.#taken[a]!.push(
        attribute.kind === 'ref'
          ? { column: referenceColumn(attribute, this.#entity, at, fed), type: int32 }
          : { column: toPlain(evaluate(attribute, unit, at)), type: typeOf(attribute, unit) },
      );
    });
  }

  /** 1 for each of the first `keys` ordinals that has a row. */
  mask(keys: number): Uint8Array {
    const mask = new Uint8Array(keys);
    for (let ordinal = 0; ordinal < keys; ordinal++) mask[ordinal] = this.has(ordinal) ? 1 : 0;
    return mask;
  }

  /** The attributes of the first `keys` ordinals, as a key list names them; none when no row was taken. */
  columns(keys: number): TableColumn[] {
    if (this.#count === 0) return [];
    const position = new Int32Array(keys).fill(-1);
    position.set(this.#position.subarray(0, keys));
    return this.#attributes.map((attribute, a) => {
      const name =
        attribute.kind === 'ref' ? keyListColumn.reference(attribute.name) : keyListColumn.attribute(attribute.name);
      return this.#column(name, this.#taken[a]!, position);
    });
  }

  /** One attribute in ordinal order; null where the own feed did not name the key. */
  #column(
    name: string,
    taken: readonly { column: PlainColumn; type: ColumnType }[],
    position: Int32Array,
  ): TableColumn {
    const { type } = taken[0]!;
    const values = gather(
      concat(
        type,
        taken.map(({ column }) => column.values),
      ),
      position,
    );
    const takenValid = new Uint8Array(this.#count).fill(1);
    let at = 0;
    for (const { column } of taken) {
      if (column.valid) takenValid.set(column.valid, at);
      at += column.rows;
    }
    const valid = new Uint8Array(position.length);
    for (let ordinal = 0; ordinal < valid.length; ordinal++) {
      const row = position[ordinal]!;
      valid[ordinal] = row < 0 ? 0 : takenValid[row]!;
    }
    return { name, type, values, valid };
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
