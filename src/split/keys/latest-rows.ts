/**
 * For each key of a batch, the last row that named it in the entity's own feed. Key lists call it for entities that
 * report changed attributes. Rows must come in the order of the source.
 */
import { type Attribute, digester, NO_ATTRIBUTES, referenceAttribute, valueAttribute } from '../../keys/attributes.ts';
import type { KeyTable } from '../../keys/table.ts';
import type { TableColumn } from '../../parquet/table.ts';
import type { ColumnType } from '../../parquet/types.ts';
import { type AttributeColumn, isAttribute, type KeyedEntity } from '../../pipeline/compiled.ts';
import type { SourceUnit } from '../source-unit.ts';
import { TakenRows } from '../write/taken-rows.ts';
import { type FedKeys, keyListColumn, rowColumn } from './fed-keys.ts';

const int64: ColumnType = { physical: 'INT64' };

export class LatestRows {
  readonly #attributes: AttributeColumn[];
  readonly #taken: TakenRows;

  constructor(entity: KeyedEntity) {
    this.#attributes = entity.columns.filter(isAttribute);
    this.#taken = new TakenRows(entity, true);
  }

  add(unit: SourceUnit, own: FedKeys, fed: ReadonlyMap<string, FedKeys>): void {
    const { codes, size, order } = own.factor;
    const lastRow = new Int32Array(size);
    for (let row = 0; row < codes.length; row++) if (codes[row]! >= 0) lastRow[codes[row]!] = row;
    // Several codes may be one key (a zero of either sign): the later row is claimed last.
    const latest = order.toSorted((a, b) => lastRow[a]! - lastRow[b]!);
    const rows = latest.map((code) => lastRow[code]!);
    for (const code of latest) this.#taken.claim(own.ordinals[code]!);
    this.#taken.take(unit, rows, fed);
  }

  /** The columns that a key list has of them; `first` are those of the first rows, `keys` the batch's keys by entity. */
  columns(size: number, first: readonly TableColumn[], keys: ReadonlyMap<string, KeyTable>): TableColumn[] {
    const latest = this.#taken.columns(size);
    const column = (name: string, data: BigInt64Array): TableColumn => ({
      name,
      type: int64,
      values: { kind: 'int64', length: size, data },
      valid: undefined,
    });
    return [
      ...latest.map((one) => ({ ...one, name: keyListColumn.latest(one.name) })),
      rowColumn(keyListColumn.latestRow, this.#taken.rows(size)),
      column(keyListColumn.firstDigest, this.#digests(size, first, keys)),
      column(keyListColumn.latestDigest, this.#digests(size, latest, keys)),
    ];
  }

  #digests(size: number, columns: readonly TableColumn[], keys: ReadonlyMap<string, KeyTable>): BigInt64Array {
    const digests = new BigInt64Array(size).fill(NO_ATTRIBUTES);
    if (columns.length === 0) return digests;
    const digest = digester(
      this.#attributes.flatMap((attribute, a): Attribute[] => {
        const { type, values, valid } = columns[a]!;
        if (attribute.kind !== 'ref') return [valueAttribute(attribute.name, type, values, valid)];
        const target = keys.get(attribute.entity)!;
        const at = (row: number) => (valid?.[row] === 0 ? undefined : target.at(Number(values.data[row])));
        return referenceAttribute(attribute.name, at, (row) => (valid?.[row] === 0 ? attribute.missing : undefined));
      }),
    );
    for (let ordinal = 0; ordinal < size; ordinal++) {
      if (this.#taken.has(ordinal)) digests[ordinal] = digest(ordinal);
    }
    return digests;
  }
}
