/**
 * Reads keys and IDs out of a Parquet file of this machine, one row group at a time. The import of keys calls it. A row
 * without an ID or without a key is refused by its number: what has no name cannot be found again.
 */
import { open } from 'node:fs/promises';
import { OrdinalError } from '../../errors.ts';
import { type KeyWriter, keyWriter } from '../../keys/encode.ts';
import { limits } from '../../limits.ts';
import { valuesOf } from '../../parquet/columns.ts';
import { decodeChunk } from '../../parquet/decode.ts';
import { footerLength, parseFooter } from '../../parquet/footer-read.ts';
import { compatible, reader, typeText } from '../../parquet/logical.ts';
import type { Column, ColumnType, FileMeta, Leaf } from '../../parquet/types.ts';
import type { KeyedEntity } from '../../pipeline/compiled.ts';
import { leafOf } from '../../source/source-file.ts';

const TAIL_BYTES = 64 * 1024;

/** Which columns of the file hold what. */
export interface ImportColumns {
  id: string;
  /** Key component → column. */
  key: Record<string, string>;
}

export interface KeyFile {
  rows: number;
  /** Types of the key's components, in the entity's order. */
  types: ColumnType[];
  /** Calls `take` for each row, in order: `key` is valid during the call. */
  each(take: (id: bigint, row: number, key: KeyWriter) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the file.
 * @throws OrdinalError `InvalidRequest` for wrong columns, `MissingColumn`, `ColumnTypeMismatch`, and what a damaged file
 *   gives.
 */
export async function openKeyFile(path: string, columns: ImportColumns, entity: KeyedEntity): Promise<KeyFile> {
  const file = await open(path).catch((cause: unknown) => {
    throw new OrdinalError('InvalidRequest', `"${path}" cannot be opened`, { remedy: 'Name a Parquet file.', cause });
  });
  try {
    const { size } = await file.stat();
    const read = async (start: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, start);
      return bytes.subarray(0, bytesRead);
    };
    const tail = await read(Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
    const length = footerLength(tail.subarray(Math.max(0, tail.length - 8)), size, path) + 8;
    const meta = parseFooter(length <= tail.length ? tail : await read(size - length, length), size, path);
    const id = leafOf(meta, { name: columns.id }, path);
    if (!isWhole(id.type)) throw mismatch(path, id, 'IDs are whole numbers');
    const leaves = componentsOf(columns, entity).map(({ column, input }) => {
      const leaf = leafOf(meta, { name: column }, path);
      const verdict = compatible(leaf.type, input);
      if (verdict !== true) throw mismatch(path, leaf, verdict);
      return leaf;
    });
    return {
      rows: meta.rows,
      types: leaves.map(({ type }) => type),
      each: (take) => eachRow(path, meta, id, leaves, read, take),
      close: () => file.close(),
    };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Integers, and decimals without digits behind the point. Days and times are integers in the file only. */
function isWhole({ physical, annotation }: ColumnType): boolean {
  if (annotation?.kind === 'decimal') return annotation.scale === 0;
  return (physical === 'INT32' || physical === 'INT64') && (annotation === undefined || annotation.kind === 'int');
}

/** The column of each component, in the entity's order. */
function componentsOf({ key }: ImportColumns, entity: KeyedEntity) {
  const names = entity.key.map(({ name }) => name);
  const unknown = Object.keys(key).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OrdinalError(
      'InvalidRequest',
      `the key of "${entity.name}" has no "${unknown}"; it has ${names.join(', ')}`,
      {
        where: { field: 'key' },
        remedy: `Give ${names.map((name) => `--key ${name}=COLUMN`).join(' ')}.`,
      },
    );
  }
  return entity.key.map(({ name, input }) => ({ column: key[name] ?? name, input }));
}

async function eachRow(
  path: string,
  meta: FileMeta,
  id: Leaf,
  leaves: readonly Leaf[],
  read: (start: number, length: number) => Promise<Uint8Array>,
  take: (id: bigint, row: number, key: KeyWriter) => void,
): Promise<void> {
  let first = 0;
  for (const [rowGroup, { rows, chunks }] of meta.rowGroups.entries()) {
    const decode = async (leaf: Leaf): Promise<Column> => {
      const chunk = chunks[leaf.ordinal]!;
      const where = { blob: path, rowGroup, column: leaf.name };
      return decodeChunk(await read(chunk.start, chunk.length), chunk, leaf, rows, where);
    };
    const ids = await decode(id);
    const columns = await Promise.all(leaves.map(decode));
    const readId = reader(id.type, 'bigint');
    const idValues = valuesOf(ids);
    const writer = keyWriter(columns.map((column, c) => ({ values: valuesOf(column), type: leaves[c]!.type })));
    const at = new Array<number>(columns.length);
    for (let row = 0; row < rows; row++) {
      const number = first + row;
      const place = placeOf(ids, row);
      if (place < 0) throw invalid(path, number, id.name, 'there is no ID');
      const value = readId(idValues, place) as bigint;
      if (value < 0n || value > limits.idMax) throw invalid(path, number, id.name, `${value} is no ID`);
      for (let c = 0; c < columns.length; c++) {
        at[c] = placeOf(columns[c]!, row);
        if (at[c]! < 0) throw invalid(path, number, leaves[c]!.name, 'a key has no null');
      }
      writer.write(at);
      if (writer.end - writer.start > limits.keyBytesMax)
        throw invalid(path, number, leaves[0]!.name, `the key has more than ${limits.keyBytesMax} bytes`);
      take(value, number, writer);
    }
    first += rows;
  }
}

/** Where a row's value is, or -1 for null. */
function placeOf(column: Column, row: number): number {
  if (column.form === 'dictionary') return column.indices[row]!;
  return column.valid !== undefined && column.valid[row] === 0 ? -1 : row;
}

function mismatch(path: string, { name, type }: Leaf, why: string): OrdinalError {
  return new OrdinalError('ColumnTypeMismatch', `column "${name}" is ${typeText(type)}: ${why}`, {
    where: { blob: path, column: name },
    remedy: 'Write the file with a column of the type that the pipeline reads.',
  });
}

function invalid(path: string, row: number, column: string, why: string): OrdinalError {
  return new OrdinalError('InvalidValue', `row ${row} of "${path}", column "${column}": ${why}`, {
    where: { blob: path, column, row },
    remedy: 'Leave the row out, or mend it.',
  });
}
