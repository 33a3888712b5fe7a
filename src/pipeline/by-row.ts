/**
 * A pipeline read for one source row: its contract, its checks, its predicates and functions. A dry run's preview and the
 * verifier call it, and both interpret rows by this file alone. The split never does: it works by distinct value, and is
 * checked against this plain reading.
 */
import type {
  CompiledPipeline,
  ContractColumn,
  DerivedColumn,
  OutColumn,
  Predicate,
  RecordType,
  RowCheck,
} from './compiled.ts';
import { type FolderColumn, folderValues } from './folders.ts';
import { rowObject } from './row-checks.ts';

/** The value that functions see in a column of the row: null for null. */
export type RowReader = (column: string) => unknown;

/** A contract column's value in a row, before its schema. */
export type Cell =
  | { value: unknown }
  /** Null; of a leaf in groups, which element of the path is null. */
  | { nullAt: number }
  | { unreadable: string };

/** A row as it is in its file. */
export interface RawRow {
  /** By contract column, in their order. */
  cell(column: number): Cell;
  blob: string;
  /** 0-based row number in the blob. */
  row: number;
}

/** A row that was held to the contract. */
export interface HeldRow {
  /** What the contract has against it, in the order of the contract's columns; then what its checks have. */
  refused: { column: string; reason: string }[];
  /** Values of contract and derived columns. Not to be read of a row that is refused. */
  at: RowReader;
}

/** Reads the rows of one pipeline. */
export class RowInterpreter {
  readonly #pipeline: CompiledPipeline;
  readonly #number: ReadonlyMap<string, number>;
  readonly #derived: ReadonlyMap<string, DerivedColumn>;
  readonly #folders: readonly FolderColumn[];
  readonly #checks: { check: RowCheck; object: object }[];
  #folderValues: { blob: string; values: ReadonlyMap<string, unknown> } | undefined;
  #present: RowReader = () => null;

  /** @param pipeline a compiled pipeline */
  constructor(pipeline: CompiledPipeline) {
    const { contract, derived = [], rowChecks = [] } = pipeline;
    this.#pipeline = pipeline;
    this.#number = new Map(contract.map(({ name }, c) => [name, c]));
    this.#derived = new Map(derived.map((column) => [column.name, column]));
    this.#folders = derived.filter((column) => column.kind === 'folder');
    this.#checks = rowChecks.map((check) => ({
      check,
      object: rowObject(check.columns, (column) => this.#present(column)),
    }));
  }

  /**
   * Holds a row to the contract.
   * @param raw the row as it is in its file
   * @param write is given each value that a contract column's schema accepts, and throws when the column cannot hold it
   * @returns its values, and what the contract has against it
   * @throws `InvalidFolder` when the blob's name is not as the pipeline's folder columns say
   */
  hold(raw: RawRow, write: (column: number, value: unknown) => void = () => {}): HeldRow {
    const { contract, recordTypes } = this.#pipeline;
    const values = new Array<unknown>(contract.length).fill(null);
    const refused: HeldRow['refused'] = [];
    let type: RecordType | undefined;
    for (const [c, column] of contract.entries()) {
      if (recordTypes && c > 0 && type === undefined && column.variants) continue;
      const held = holdCell(column, type, raw.cell(c), recordTypes?.column);
      const reason = 'reason' in held ? held.reason : unwritable(() => write(c, held.value));
      if (reason !== undefined) refused.push({ column: column.name, reason });
      else values[c] = (held as { value: unknown }).value;
      if (column.name === recordTypes?.column && reason === undefined) type = values[c] as RecordType;
    }
    const at: RowReader = (column) => {
      const c = this.#number.get(column);
      return c === undefined ? this.#derivedValue(column, raw, at) : values[c];
    };
    if (refused.length === 0) refused.push(...this.#complaints(type, at));
    return { refused, at };
  }

  #complaints(type: RecordType | undefined, at: RowReader): HeldRow['refused'] {
    this.#present = at;
    return this.#checks.flatMap(({ check, object }) =>
      check.types === undefined || check.types.includes(type!) ? check.test(object) : [],
    );
  }

  #derivedValue(name: string, { blob, row }: RawRow, at: RowReader): unknown {
    const column = this.#derived.get(name)!;
    switch (column.kind) {
      case 'folder':
        if (this.#folderValues?.blob !== blob) this.#folderValues = { blob, values: folderValues(this.#folders, blob) };
        return this.#folderValues.values.get(name);
      case 'file':
        return blob;
      case 'row':
        return row;
      case 'constant':
        return column.value;
      case 'compute': {
        const { selectedBy, sources } = column;
        const where = this.#pipeline.entities.find((entity) => entity.name === selectedBy)?.where;
        return passes(where, at) ? (column.fn(...sources.map(at)) ?? null) : null;
      }
    }
  }
}

function unwritable(write: () => void): string | undefined {
  try {
    write();
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** What the contract makes of a cell, for a row of a record type. */
function holdCell(
  column: ContractColumn,
  type: RecordType | undefined,
  cell: Cell,
  discriminator: string | undefined,
): { value: unknown } | { reason: string } {
  const contract = column.variants ? column.variants.find(({ types }) => types.includes(type!))?.contract : column;
  if (!contract) {
    return 'nullAt' in cell ? { value: null } : { reason: strayReason(discriminator!, type!, column.name) };
  }
  if ('unreadable' in cell) return { reason: cell.unreadable };
  if ('nullAt' in cell) {
    const passes = contract.nullableAt ? contract.nullableAt[cell.nullAt] : contract.nullable;
    return passes ? { value: null } : { reason: nullReason };
  }
  if (!contract.active && contract.input !== 'number') return cell;
  const parsed = contract.parse(cell.value);
  return parsed.ok ? { value: parsed.value ?? null } : { reason: parsed.reason };
}

/** Why a null is refused. */
export const nullReason = 'the contract does not accept null';

/**
 * Why a value is refused in a row whose record type does not have the column.
 * @param discriminator the column that tells record types apart
 * @param type the row's record type
 * @param column the column that holds a value
 * @returns the reason, in words
 */
export function strayReason(discriminator: string, type: RecordType, column: string): string {
  return `a row of ${discriminator} ${JSON.stringify(type)} has no "${column}"`;
}

/**
 * Whether an entity takes the row.
 * @param where the entity's predicate, if it has one
 * @param at reads a column of the row
 * @returns true when the predicate says so, or there is none
 */
export function passes(where: Predicate | undefined, at: RowReader): boolean {
  return where === undefined || where.test(...where.columns.map(at));
}

/**
 * What the column's function makes of the row, or its constant. Throws what the function throws.
 * @param column a column that a function or a constant fills
 * @param at reads a column of the row
 * @returns the value in JavaScript, before it is written as the column's type
 */
export function functionValue(
  column: Extract<OutColumn, { kind: 'map' | 'compute' | 'constant' }>,
  at: RowReader,
): unknown {
  switch (column.kind) {
    case 'map': {
      const value = at(column.source);
      return value === null && !column.nulls ? null : column.fn(value);
    }
    case 'compute':
      return column.fn(...column.sources.map(at));
    case 'constant':
      return column.value;
  }
}
