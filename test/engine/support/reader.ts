/** Published files as other engines read them, as canonical texts. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDateValue,
  DuckDBInstance,
  DuckDBIntervalValue,
  DuckDBTimeNSValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { canonOf } from './cells.ts';
import type { OutRow } from './reference.ts';

/** DuckDB over files in a directory of its own. */
export class DuckReader {
  readonly directory: string;
  readonly connection: DuckDBConnection;
  #files = 0;

  private constructor(directory: string, connection: DuckDBConnection) {
    this.directory = directory;
    this.connection = connection;
  }

  static async open(): Promise<DuckReader> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new DuckReader(fs.mkdtempSync(path.join(os.tmpdir(), 'ordinal-engine-')), connection);
  }

  close(): void {
    this.connection.closeSync();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** Puts a file where DuckDB can read it; returns its path. */
  put(bytes: Uint8Array): string {
    const file = path.join(this.directory, `${this.#files++}.parquet`);
    fs.writeFileSync(file, bytes);
    return file;
  }

  /** Column names and rows of one file, in file order. */
  async read(bytes: Uint8Array, columns = '*'): Promise<{ names: string[]; rows: OutRow[] }> {
    const file = this.put(bytes);
    const result = await this.connection.runAndReadAll(`SELECT ${columns} FROM read_parquet('${file}')`);
    fs.rmSync(file);
    return { names: result.columnNames(), rows: result.getRows().map((row) => row.map(canon)) };
  }

  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
  }

  /** The rows of a file, written anew by DuckDB. */
  async rewrite(bytes: Uint8Array, options: string): Promise<Uint8Array> {
    const from = this.put(bytes);
    const written = await this.write(`FROM read_parquet('${from}')`, options);
    fs.rmSync(from);
    return written;
  }

  /** The result of a query as a file by DuckDB. */
  async write(query: string, options = 'CODEC snappy'): Promise<Uint8Array> {
    const to = path.join(this.directory, `${this.#files++}.parquet`);
    await this.connection.run(`COPY (${query}) TO '${to}' (FORMAT parquet, ${options})`);
    const written = fs.readFileSync(to);
    fs.rmSync(to);
    return new Uint8Array(written);
  }
}

function canon(value: DuckDBValue): string | null {
  if (value === null) return null;
  if (value instanceof DuckDBBlobValue) return canonOf(new Uint8Array(value.bytes));
  if (value instanceof DuckDBIntervalValue) {
    return canonOf(new Uint8Array(Uint32Array.of(value.months, value.days, Number(value.micros / 1000n)).buffer));
  }
  if (value instanceof DuckDBDateValue) return `${value.days}d`;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue)
    return `${value.micros * 1000n}ns`;
  if (value instanceof DuckDBTimestampMillisecondsValue) return `${value.millis * 1_000_000n}ns`;
  if (value instanceof DuckDBTimestampNanosecondsValue) return `${value.nanos}ns`;
  if (value instanceof DuckDBTimeValue || value instanceof DuckDBTimeTZValue) return `${value.micros * 1000n}ns`;
  if (value instanceof DuckDBTimeNSValue) return `${value.nanos}ns`;
  return canonOf(value);
}
