/** A split as DuckDB SQL. `source` is SQL for the source's rows, with `file_row_number` as the row's number over all files. */
export interface Script {
  /** Statements that prepare temporary tables. */
  tables(source: string): string[];
  /** By entity, in the order in which they are written: the rows, and options of COPY. */
  files(source: string): Record<string, { select: string; options: string }>;
  /** After the tables: queries of rows that break the contract; each must give none. */
  broken(source: string): string[];
}
