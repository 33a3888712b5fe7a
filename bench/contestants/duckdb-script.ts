/** A split as DuckDB SQL. */
export interface Script {
  entities: string[];
  settings: string[];
  /** The statements of one run: `source` and `target` are SQL literals of file paths. */
  statements(source: string, target: (entity: string) => string): string[];
}
