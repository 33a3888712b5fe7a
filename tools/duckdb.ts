/**
 * A small door to DuckDB for the demo, the benchmarks and the tests: bounded in memory, offline, and never writing
 * outside the folder it is given. Nothing under `src/`, `functions/` or `packages/` uses it. The demo, the benchmarks and
 * tests call it.
 */
import { tmpdir } from 'node:os';
import type { DuckDBConnection, DuckDBInstance, JS } from '@duckdb/node-api';

export interface DuckOptions {
  /** Memory for DuckDB's buffers, in MiB; beyond it DuckDB spills to `tempFolder`. @default 384 */
  memoryMib?: number;
  /** @default 2 */
  threads?: number;
  /** Folder for spilled data. @default the system's folder for temporary files */
  tempFolder?: string;
}

export type Row = Record<string, JS>;

export class Duck {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Opens an in-memory database. DuckDB's native library is loaded here and not before. */
  static async open(options: DuckOptions = {}): Promise<Duck> {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryMib ?? 384}MiB`,
      threads: String(options.threads ?? 2),
      temp_directory: options.tempFolder ?? tmpdir(),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return new Duck(instance, await instance.connect());
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** All rows of a query as objects: BIGINT as bigint, TIMESTAMP and DATE as Date, NULL as null. */
  async rows(sql: string): Promise<Row[]> {
    return (await this.#connection.runAndReadAll(sql)).getRowObjectsJS();
  }

  /** The only row of a query. Throws when there is none or more than one. */
  async row(sql: string): Promise<Row> {
    const rows = await this.rows(sql);
    if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}: ${sql}`);
    return rows[0]!;
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A list of texts as an SQL list literal, for `read_parquet`. */
export function literalList(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`;
}
