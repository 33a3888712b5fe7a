/**
 * Folder columns: values that stand in a blob's name, as in `date=2026-11-29/region=eu/part-0.parquet` (Hive's way).
 * `compile` calls `compileFolders`; whoever reads a blob calls `folderValues`. Nothing is read of the blob itself.
 */
import type { core } from 'zod';
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn, DerivedColumn, JsKind } from './compiled.ts';
import { compileColumn } from './contract.ts';
import { type } from './output-type.ts';
import { record, refuse } from './refuse.ts';
import { isSchema } from './schema.ts';

/** What Hive, Spark and DuckDB write for a null. */
const hiveNull = '__HIVE_DEFAULT_PARTITION__';

/** A column that a folder in a blob's name gives. */
export type FolderColumn = Extract<DerivedColumn, { kind: 'folder' }>;

/**
 * Compiles the `partitions` of a source.
 * @param given what the definition says
 * @param contract the columns of the row contract: no folder may have the name of one
 * @returns a column for each folder, in their order
 * @throws `InvalidPipeline` at `source.partitions`
 */
export function compileFolders(given: unknown, contract: readonly ContractColumn[]): FolderColumn[] {
  if (given === undefined) return [];
  return Object.entries(record(given, 'source.partitions')).map(([name, schema]) => {
    const field = `source.partitions.${name}`;
    if (name === '' || /[/=]/.test(name)) refuse(field, 'is not the name of a folder', "Leave out '/' and '='.");
    if (contract.some((column) => column.name === name))
      refuse(field, 'is a column of the row contract too', 'Name it once: in a file, or in its name.');
    if (!isSchema(schema)) return refuse(field, 'is not a zod schema', 'Give a type, as in z.date() or z.string().');
    const column = compileColumn(name, schema as core.$ZodType, field);
    return { kind: 'folder', name, contract: column, type: typeOf(column, field), nullable: column.nullable };
  });
}

/** The Parquet type of a folder's values: a text has none of its own. */
function typeOf({ input, integer, outputType }: ContractColumn, field: string): ColumnType {
  if (outputType) return outputType;
  const types: Partial<Record<JsKind, ColumnType>> = {
    string: type.string.column,
    any: type.string.column,
    boolean: type.boolean.column,
    bigint: type.int64.column,
    number: integer ? type.int64.column : type.float64.column,
    date: type.date.column,
  };
  return (
    types[input] ?? refuse(field, `a folder cannot be read as ${input}`, 'Use a string, number, int, boolean or date.')
  );
}

/**
 * The folder columns of a pipeline.
 * @param pipeline a compiled pipeline
 * @returns its derived columns that are folders
 */
export function foldersOf({ derived = [] }: Pick<CompiledPipeline, 'derived'>): FolderColumn[] {
  return derived.filter((column) => column.kind === 'folder');
}

/**
 * The values of the folders in a blob's name.
 * @param folders the folder columns
 * @param blob name of the blob
 * @returns by column: a value as functions see it, null for null
 * @throws `InvalidFolder` that names the blob, when it lacks a folder or has a value that the schema refuses
 */
export function folderValues(folders: readonly FolderColumn[], blob: string): Map<string, unknown> {
  if (folders.length === 0) return new Map();
  const found = partsOf(blob);
  return new Map(folders.map((folder) => [folder.name, folderValue(folder, found, blob)]));
}

/** What stands behind each folder's name, not decoded: folders that are no columns may have any text. */
function partsOf(blob: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const part of blob.split('/').slice(0, -1)) {
    const at = part.indexOf('=');
    if (at < 1) continue;
    const name = decoded(part.slice(0, at)) ?? part.slice(0, at);
    found.set(name, [...(found.get(name) ?? []), part.slice(at + 1)]);
  }
  return found;
}

/** Undefined for text that is not URL-encoded. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The text of a folder, which is in the name once. */
function folderText(name: string, found: ReadonlyMap<string, string[]>, blob: string): string {
  const [first, ...others] = (found.get(name) ?? []).map((text) => {
    const value = decoded(text);
    if (value === undefined)
      throw refused(blob, name, `is '${text}', which is not URL-encoded text`, "Write '%' as '%25'.");
    return value;
  });
  if (first === undefined) {
    const near = didYouMean(name, found.keys());
    throw refused(blob, name, 'is missing', `Put the blob into a folder '${name}=...', or narrow the prefix. ${near}`);
  }
  if (others.some((other) => other !== first))
    throw refused(blob, name, 'is in the name twice', 'Name the blob so that each folder is in it once.');
  return first;
}

function folderValue({ name, contract }: FolderColumn, found: ReadonlyMap<string, string[]>, blob: string): unknown {
  const text = folderText(name, found, blob);
  const remedy = 'Rename the folder, or correct its schema in source.partitions.';
  if (text === hiveNull) {
    if (contract.nullable) return null;
    throw refused(blob, name, 'is null', 'Let it be null with .nullable(), or keep such blobs out of the prefix.');
  }
  const value = readText(text, contract);
  if (value === undefined) throw refused(blob, name, `is '${text}', which is no ${kindText(contract)}`, remedy);
  const parsed = contract.parse(value);
  if (!parsed.ok) throw refused(blob, name, `is '${text}': ${parsed.reason}`, remedy);
  return parsed.value ?? null;
}

function kindText({ input, integer }: ContractColumn): string {
  if (input === 'date') return 'day such as 2026-11-29';
  return integer || input === 'bigint' ? 'whole number' : input;
}

/** A folder's text as the kind that the schema takes in; undefined where it is none. */
function readText(text: string, { input, integer }: ContractColumn): unknown {
  switch (input) {
    case 'number': {
      const number = (integer ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i).test(text)
        ? Number(text)
        : Number.NaN;
      return Number.isFinite(number) ? number : undefined;
    }
    case 'bigint':
      return /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? BigInt(text) : undefined;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'date': {
      const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
      // 2026-02-30 would be a day in March.
      return day && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text) ? day : undefined;
    }
    default:
      return text;
  }
}

function refused(blob: string, folder: string, message: string, remedy: string): OrdinalError {
  return new OrdinalError('InvalidFolder', `folder "${folder}" of "${blob}" ${message}`, {
    where: { blob, column: folder },
    remedy,
  });
}
