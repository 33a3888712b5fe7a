/** Natural keys as messages name them. The import of keys calls it when it refuses a file. */
import { keysToValues } from '../../keys/encode.ts';
import { KeyTable } from '../../keys/table.ts';
import { reader } from '../../parquet/logical.ts';
import type { ColumnType } from '../../parquet/types.ts';
import type { Spill } from './spill.ts';

/** A key's components as a text, shortened. */
export function keyShown(key: Uint8Array, types: readonly ColumnType[]): string {
  const table = new KeyTable(1);
  table.intern(key);
  const parts = keysToValues(table, types).map((values, c) => {
    const value = reader(types[c]!, 'any')(values, 0);
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  });
  const text = parts.join(', ');
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** The keys that have an ID in the file, with their rows. */
export function namesOf(spill: Spill, id: bigint, types: readonly ColumnType[]): string[] {
  const names: string[] = [];
  for (let range = 0; range < spill.ranges; range++) {
    const read = spill.read(range);
    if ('key' in read) continue;
    for (let ordinal = 0; ordinal < read.ids.length; ordinal++) {
      if (read.ids[ordinal] === id)
        names.push(`key ${keyShown(read.table.at(ordinal), types)} of row ${read.rows[ordinal]}`);
    }
  }
  return names.slice(0, 2);
}
