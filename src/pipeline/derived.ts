/**
 * Derived columns: what a pipeline uses as a column although it is not in the files: the source's name, a row's number, a
 * constant, or a function of other columns, wherever a column of the contract may stand in a key. `columns.ts` and
 * `entities.ts` collect them. The same declaration in two places is one column, so that both mean the same key.
 */
import { typeText } from '../parquet/type-text.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { DerivedColumn, JsKind } from './compiled.ts';
import { type } from './output-type.ts';

/** What a derived column is made of. */
export type Derivation =
  | { kind: 'file' | 'row' }
  | { kind: 'constant'; type: ColumnType; value: unknown }
  | {
      kind: 'compute';
      type: ColumnType;
      sources: string[];
      selectedBy?: string;
      /** Called once a row. */
      fn: (...values: unknown[]) => unknown;
    };

/** The derived columns of one pipeline. */
export class DerivedColumns {
  readonly #columns: DerivedColumn[];
  readonly #declared = new Map<string, unknown>();

  /** `folders` are columns that are there from the start. */
  constructor(folders: readonly DerivedColumn[]) {
    this.#columns = [...folders];
  }

  /**
   * Notes a derived column.
   * @param made what it is made of
   * @param declared the function as the author wrote it, for a computed column: the same one means the same column
   * @param place path of its first place, which becomes the name of a computed column
   * @returns the column's name
   */
  use(made: Derivation, declared: unknown, place: string): string {
    switch (made.kind) {
      case 'file':
        return this.#once({ ...made, kind: 'file', name: 'sourceFile()', type: type.string.column, nullable: false });
      case 'row':
        return this.#once({ ...made, kind: 'row', name: 'sourceRow()', type: type.int64.column, nullable: false });
      case 'constant': {
        const { value } = made;
        const text =
          value instanceof Date ? value.toISOString() : typeof value === 'string' ? `'${value}'` : String(value);
        const usual = typeOfConstant(value);
        const as = usual && typeText(usual) === typeText(made.type) ? '' : ` as ${typeText(made.type)}`;
        return this.#once({ ...made, name: `constant(${text})${as}`, nullable: false });
      }
      case 'compute': {
        const known = this.#columns.find(
          (other) =>
            other.kind === 'compute' &&
            this.#declared.get(other.name) === declared &&
            String(other.sources) === String(made.sources) &&
            other.selectedBy === made.selectedBy &&
            typeText(other.type) === typeText(made.type),
        );
        if (known) return known.name;
        this.#declared.set(place, declared);
        return this.#once({ ...made, name: place, nullable: true });
      }
    }
  }

  #once(column: DerivedColumn): string {
    if (!this.#columns.some(({ name }) => name === column.name)) this.#columns.push(column);
    return column.name;
  }

  /** The column of this name, if it is a derived one. */
  get(name: string): DerivedColumn | undefined {
    return this.#columns.find((column) => column.name === name);
  }

  /** All of them, in the order in which they were first used. */
  list(): DerivedColumn[] {
    return [...this.#columns];
  }
}

/**
 * The JavaScript kinds that stand for the values of a type: columns whose kinds have one in common can be one key.
 * @param column a Parquet type
 * @returns the kinds, the usual one first
 */
export function kindsOfType({ physical, annotation }: ColumnType): JsKind[] {
  switch (annotation?.kind) {
    case 'string':
    case 'json':
    case 'enum':
    case 'uuid':
      return ['string'];
    case 'decimal':
      return ['number', 'string'];
    case 'date':
    case 'timestamp':
      return ['date'];
    default:
  }
  if (physical === 'BOOLEAN') return ['boolean'];
  if (physical === 'INT64') return ['number', 'bigint'];
  if (physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY') return ['bytes'];
  return ['number'];
}

/**
 * The type of a constant for which none was stated.
 * @param value what the declaration says
 * @returns STRING, BOOLEAN or INT64; undefined for anything else, whose type has to be said
 */
export function typeOfConstant(value: unknown): ColumnType | undefined {
  if (typeof value === 'string') return type.string.column;
  if (typeof value === 'boolean') return type.boolean.column;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? type.int64.column : undefined;
}
