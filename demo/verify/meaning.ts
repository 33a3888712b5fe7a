/**
 * What a published dataset means, said in SQL over the source rows and nothing else. The verifier compares published
 * files with this; it shares no code with the engine, so that one mistake cannot hide in both.
 */

/** `name` and `type` are as DuckDB's DESCRIBE shows them; a list of columns is in schema order. */
export type Column = { name: string; type: string } & (
  | { kind: 'id' }
  /** A component of a keyed entity's natural key. */
  | { kind: 'key' }
  /** An SQL expression over the source row; for keyed entities, over the first row that held the key. */
  | { kind: 'value'; sql: string }
  /** The ID of the row of `entity` whose natural key these SQL expressions over the source row give. */
  | { kind: 'ref'; entity: string; key: string[] }
);

export interface RowsMeaning {
  kind: 'rows';
  name: string;
  columns: Column[];
}

export interface KeyedMeaning {
  kind: 'keyed';
  name: string;
  columns: Column[];
  /**
   * Where keys are seen in a source row, in the order in which they count as seen; one SQL expression per key column.
   * Values and references of a new row are those of the first source row seen through the first of these.
   */
  feeds: string[][];
}

export type EntityMeaning = RowsMeaning | KeyedMeaning;

export interface Dataset {
  name: string;
  entities: EntityMeaning[];
}

export const id = (name: string): Column => ({ name, type: 'BIGINT', kind: 'id' });
export const key = (name: string, type = 'VARCHAR'): Column => ({ name, type, kind: 'key' });
export const value = (name: string, type: string, sql: string = name): Column => ({ name, type, kind: 'value', sql });
export const ref = (name: string, entity: string, ...sql: string[]): Column => ({
  name,
  type: 'BIGINT',
  kind: 'ref',
  entity,
  key: sql,
});

/** Local paths of what one run read and published. */
export interface PublishedRun {
  /** Source files in the order of their blob names. */
  sources: string[];
  /** Published files of each entity, in the manifest's order. */
  files: Record<string, string[]>;
}

/** The names under which checks fail, for tests and for the JSON report. */
export type CheckName =
  | 'schema'
  | 'rows'
  | 'keys'
  | 'id-unique'
  | 'id-range'
  | 'id-order'
  | 'first-seen'
  | 'values'
  | 'refs-resolve'
  | 'refs-right';

export interface Check {
  entity: string;
  check: CheckName;
  /** What is claimed, in words. */
  claim: string;
  ok: boolean;
  /** The figure that was looked at, as `3,000,000 rows`. */
  figure: string;
  /** What is wrong, when not ok. */
  fault?: string;
}

export function idColumn(entity: EntityMeaning): string {
  return entity.columns.find((column) => column.kind === 'id')!.name;
}

export function keyColumns(entity: EntityMeaning): string[] {
  return entity.columns.filter((column) => column.kind === 'key').map((column) => column.name);
}

/** A count with thousands separators. */
export function figure(count: number | bigint): string {
  return count.toLocaleString('en-US');
}
