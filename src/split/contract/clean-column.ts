/**
 * What a schema makes of the values of a column: it reads the entries of a dictionary, or the rows. `contract-column.ts`
 * calls it where no cheaper proof is enough. It must not tell rows by entries that no row uses.
 */
import type { DictionaryColumn, PlainColumn } from '../../parquet/columns.ts';
import type { Column, ColumnType } from '../../parquet/types.ts';
import { allocate, gather } from '../../parquet/values.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { cleanStrings } from './clean-strings.ts';
import { NULLED, type Refused, SchemaOnValues } from './schema-on-values.ts';
import { PooledColumn, type StringPool } from './string-pool.ts';

export interface Cleaned {
  column: Column;
  /** Whether a value is another one now. */
  changed: boolean;
  /** Set where a value became null. */
  nullsAdded?: boolean;
  /** Set where the schema has read every entry as text. */
  allText?: boolean;
}

type Refuse = (row: number, refused: Refused) => void;

/** Runs a column's schema. Calls `refuse` for each row that it refuses. `type` is that of the values as they come. */
export function cleanColumn(
  column: Column,
  contract: ContractColumn,
  type: ColumnType,
  poolOf: () => StringPool,
  refuse: Refuse,
): Cleaned {
  const outType = contract.outputType ?? type;
  const schema = new SchemaOnValues(contract, type, outType);
  if (column.form === 'plain') return cleanRows(column, schema, refuse);
  // Strings that stay strings are cleaned by their numbers.
  const pool = poolOf();
  const strings = cleanStrings(contract, outType, column, schema, pool);
  if (!strings) return cleanDictionary(column, schema, outType, refuse);
  const { entries, cleaned } = strings;
  if (!cleaned) return { column: entries, changed: false, allText: true };
  return { column: new PooledColumn(column, pool, cleaned), changed: true };
}

function cleanDictionary(column: DictionaryColumn, schema: SchemaOnValues, type: ColumnType, refuse: Refuse): Cleaned {
  const { rows, dictionary, indices } = column;
  const refused: Refused[] = [];
  const outcome = schema.applyTo(dictionary, undefined, refused);
  // A dictionary may hold entries that no row uses: those are nobody's values.
  if (refused.length > 0) {
    const byEntry = new Map(refused.map((entry) => [entry.slot, entry]));
    for (let row = 0; row < rows; row++) {
      const entry = byEntry.get(indices[row]!);
      if (entry) refuse(row, entry);
    }
  }
  if (!outcome) return { column, changed: false };
  const { values, positions } = outcome;
  // What has no value takes another entry's; no row shows it.
  const spare = positions.find((position) => position >= 0);
  if (spare === undefined) {
    const nothing = { rows, nulls: rows, values: allocate(type, rows), valid: new Uint8Array(rows) };
    return { column: { form: 'plain', ...nothing }, changed: true, nullsAdded: true };
  }
  const cleaned = gather(
    values,
    positions.map((position) => (position < 0 ? spare : position)),
  );
  if (!positions.includes(NULLED)) return { column: { ...column, dictionary: cleaned }, changed: true };
  let nulls = 0;
  const moved = indices.map((entry) => (entry < 0 || positions[entry] === NULLED ? -1 : entry));
  for (const entry of moved) if (entry < 0) nulls++;
  return {
    column: { form: 'dictionary', rows, nulls, dictionary: cleaned, indices: moved },
    changed: true,
    nullsAdded: nulls > column.nulls,
  };
}

function cleanRows(column: PlainColumn, schema: SchemaOnValues, refuse: Refuse): Cleaned {
  const refused: Refused[] = [];
  const outcome = schema.applyTo(column.values, column.valid, refused, new Map());
  for (const one of refused) refuse(one.slot, one);
  if (!outcome) return { column, changed: false };
  const { positions } = outcome;
  const { rows } = column;
  const values = gather(outcome.values, positions);
  const valid = new Uint8Array(rows);
  let nulls = 0;
  for (let row = 0; row < rows; row++) {
    if (positions[row]! < 0) nulls++;
    else valid[row] = 1;
  }
  return {
    column: { form: 'plain', rows, nulls, values, valid: nulls > 0 ? valid : undefined },
    changed: true,
    nullsAdded: nulls > column.nulls,
  };
}
