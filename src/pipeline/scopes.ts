/**
 * What the columns of one entity are resolved against: of a row contract with record types, those of the entity's own types.
 * `entities.ts` calls it. It must never let an entity read a column that its rows do not have.
 */
import { didYouMean } from '../nearest.ts';
import type { Scope } from './columns.ts';
import type { ContractColumn, RecordType, RecordTypes } from './compiled.ts';
import type { FolderColumn } from './folders.ts';
import { refuse, show } from './refuse.ts';

/** The columns that entities are made of. */
export interface RowColumns {
  contract: readonly ContractColumn[];
  folders: readonly FolderColumn[];
  recordTypes: RecordTypes | undefined;
}

/**
 * What the entity's rows have: all columns, or those of its record types.
 * @param name name of the entity
 * @param declared its `when` and its `where`
 * @param columns the row contract, compiled, and the folder columns
 * @returns the parts of the scope that are the entity's own
 * @throws `InvalidPipeline` at `entities.<name>.when`
 */
export function scopeOf(
  name: string,
  { when: given, where }: Readonly<Record<string, unknown>>,
  { contract, folders, recordTypes }: RowColumns,
): Pick<Scope, 'contract' | 'when' | 'selectedBy'> {
  const inNames = folders.map((folder) => folder.contract);
  const selectedBy = where !== undefined || given !== undefined ? name : undefined;
  const byName = (columns: readonly ContractColumn[]) => new Map([...columns, ...inNames].map((c) => [c.name, c]));
  if (given === undefined) return { contract: byName(contract), when: undefined, selectedBy };
  const field = `entities.${name}.when`;
  if (!recordTypes) {
    return refuse(field, 'needs a row contract with record types', 'Use row: z.discriminatedUnion(...), or where().');
  }
  const types = (Array.isArray(given) ? given : [given]) as RecordType[];
  if (types.length === 0) refuse(field, 'names no record type', 'Name one, or leave it out.');
  for (const type of types) {
    if (recordTypes.types.includes(type)) continue;
    const known = recordTypes.types.map(String);
    refuse(field, `${show(type)} is not a record type of '${recordTypes.column}'`, didYouMean(String(type), known));
  }
  const columns = contract.flatMap((column) => columnOf(column, types));
  return { contract: byName(columns), when: { column: recordTypes.column, types }, selectedBy };
}

/** A column as rows of some record types have it; none when they do not. */
function columnOf(column: ContractColumn, types: readonly RecordType[]): ContractColumn[] {
  if (!column.variants) return [column];
  const own = column.variants.filter((variant) => variant.types.some((type) => types.includes(type)));
  if (own.length === 0) return [];
  const all = types.every((type) => own.some((variant) => variant.types.includes(type)));
  return [{ ...column, nullable: !all || own.some(({ contract }) => contract.nullable) }];
}
