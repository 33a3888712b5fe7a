/**
 * The keys that earlier runs numbered. The truth is the manifests: each names the delta, a Parquet table of the new keys
 * in ordinal order, that its run wrote, and the IDs that they got. A delta that no manifest names belongs to a run that
 * never finished, and counts for nothing.
 */
import { OrdinalError } from '../errors.ts';
import { readTable, type TableColumn, writeTable } from '../parquet/table.ts';
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType, Values } from '../parquet/types.ts';
import { keysToValues, keyWriter } from './encode.ts';
import { KeyTable } from './table.ts';

const component = (c: number) => `key_${c}`;

/** Keys with their IDs. */
export class KnownKeys {
  readonly #table = new KeyTable();
  #ids = new BigInt64Array(1024);

  get size(): number {
    return this.#table.size;
  }

  /** The ID of a key, or undefined. */
  find(bytes: Uint8Array, start: number, end: number): bigint | undefined {
    const ordinal = this.#table.find(bytes, start, end);
    return ordinal < 0 ? undefined : this.#ids[ordinal];
  }

  /**
   * Takes in a delta whose rows have the IDs `idOf(row)`. Throws `PipelineChanged` when its key types are not these, and
   * `CorruptFile` when it numbers a key again.
   */
  addDelta(bytes: Uint8Array, blob: string, types: readonly ColumnType[], idOf: (row: number) => bigint): void {
    const { rows, columns } = readTable(bytes, blob);
    const components = types.map((type, c) => checked(columns[c], type, c, blob));
    const writer = keyWriter(components.map((values, c) => ({ values, type: types[c]! })));
    const at = new Array<number>(types.length);
    for (let row = 0; row < rows; row++) {
      writer.write(at.fill(row));
      const ordinal = this.#table.intern(writer.bytes, writer.start, writer.end);
      if (ordinal < this.#table.size - 1) {
        throw new OrdinalError('CorruptFile', `"${blob}" numbers a key that has an ID already`, {
          where: { blob, row },
          remedy: 'Two runs published the same key: restore the manifests from before the second.',
        });
      }
      this.#put(ordinal, idOf(row));
    }
  }

  #put(ordinal: number, id: bigint): void {
    if (ordinal >= this.#ids.length) {
      const larger = new BigInt64Array(this.#ids.length * 2);
      larger.set(this.#ids);
      this.#ids = larger;
    }
    this.#ids[ordinal] = id;
  }
}

/** A delta: the keys of a table, in ordinal order. */
export function writeDelta(table: KeyTable, types: readonly ColumnType[]): Uint8Array {
  return writeTable(
    keysToValues(table, types).map((values, c) => ({ name: component(c), type: types[c]!, values, valid: undefined })),
  );
}

function checked(column: TableColumn | undefined, type: ColumnType, c: number, blob: string): Values {
  if (column && column.name === component(c) && typeText(column.type) === typeText(type)) return column.values;
  const was = column ? typeText(column.type) : 'absent';
  throw new OrdinalError(
    'PipelineChanged',
    `key component ${c + 1} is ${typeText(type)} but was ${was} in earlier runs`,
    {
      where: { blob, column: component(c) },
      remedy: 'A natural key keeps its columns and types for life; give the changed entity another name.',
    },
  );
}
