/** DuckDB as writer, reader and judge of files in a directory of its own. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export class Judge {
  readonly directory: string;
  readonly #connection: DuckDBConnection;

  private constructor(directory: string, connection: DuckDBConnection) {
    this.directory = directory;
    this.#connection = connection;
  }

  static async open(): Promise<Judge> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new Judge(fs.mkdtempSync(path.join(os.tmpdir(), 'ordinal-parquet-')), connection);
  }

  close(): void {
    this.#connection.closeSync();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return path.join(this.directory, name);
  }

  /** Writes a file into the directory; returns its path. */
  put(name: string, bytes: Uint8Array): string {
    fs.writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.#connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  }

  /** `COPY query TO file`, and the file's bytes. */
  async write(query: string, options = ''): Promise<Buffer> {
    const file = this.path('written.parquet');
    await this.run(`COPY (${query}) TO '${file}' (FORMAT parquet${options && `, ${options}`})`);
    return fs.readFileSync(file);
  }

  /**
   * What differs between two files in columns, types, rows or their order; empty when nothing does. Types are
   * compared unless `types` is false.
   */
  async differences(a: Uint8Array, b: Uint8Array, columns = '*', types = true): Promise<unknown[]> {
    const fileA = this.put('a.parquet', a);
    const fileB = this.put('b.parquet', b);
    const read = (file: string) => `SELECT ${columns} FROM read_parquet('${file}', file_row_number = true)`;
    if (types) {
      const describe = (file: string) => this.rows(`SELECT column_name, column_type FROM (DESCRIBE ${read(file)})`);
      const [typesA, typesB] = [await describe(fileA), await describe(fileB)];
      const odd = typesA.flatMap((type, i) => (isDeepStrictEqual(type, typesB[i]) ? [] : [[type, typesB[i]]]));
      if (odd.length > 0 || typesA.length !== typesB.length) return odd;
    }
    return this.rows(`(${read(fileA)} EXCEPT ALL ${read(fileB)} LIMIT 3)
      UNION ALL (${read(fileB)} EXCEPT ALL ${read(fileA)} LIMIT 3)`);
  }
}

/** A query of `rows` rows with a column of every type that DuckDB writes, nulls among them. */
export function everythingQuery(rows: number): string {
  const value = (sql: string) => `CASE WHEN hash(i, '${sql.length}') % 9 = 0 THEN NULL ELSE ${sql} END`;
  const columns: Record<string, string> = {
    required_int: 'i::INTEGER',
    bool: value('i % 3 = 0'),
    i8: value('(i % 256 - 128)::TINYINT'),
    i16: value('(i * 31 % 65536 - 32768)::SMALLINT'),
    i32: value('((hash(i) % 4294967296)::BIGINT - 2147483648)::INTEGER'),
    i64: value('(hash(i) >> 1)::BIGINT - 4611686018427387904'),
    u8: value('(i % 256)::UTINYINT'),
    u16: value('(i * 7 % 65536)::USMALLINT'),
    u32: value('(hash(i) % 4294967296)::UINTEGER'),
    u64: value('hash(i)::UBIGINT'),
    few: value('(i % 5 * 1000)::BIGINT'),
    f32: value("CASE i % 50 WHEN 0 THEN 'nan' WHEN 1 THEN 'inf' WHEN 2 THEN '-0' ELSE (i / 7)::VARCHAR END::FLOAT"),
    f64: value('(i - 500) / 3.0::DOUBLE'),
    dec4: value('(i % 1000 / 10.0)::DECIMAL(4, 1)'),
    dec9: value('(i * 101 % 1000000000 / 100.0)::DECIMAL(9, 2)'),
    dec18: value('(i * 1000003 / 10000.0)::DECIMAL(18, 4)'),
    dec38: value("('-' || i || '12345678901234567.0123456789')::DECIMAL(38, 10)"),
    text: value("'value ' || (i % 300)"),
    unique_text: value("repeat('é', (i % 20)::INTEGER) || i"),
    empty_text: value("''"),
    blob: value("encode('b' || i)::BLOB"),
    day: value("DATE '1955-03-01' + (i * 13 % 40000)::INTEGER"),
    tod: value("TIME '00:00:00' + to_microseconds(i * 864413 % 86400000000)"),
    ts: value("TIMESTAMP '1921-05-05 10:20:30.123456' + to_microseconds(i * 7777777777)"),
    tstz: value("TIMESTAMPTZ '2001-05-05 10:20:30.123456+00' + to_microseconds(i * 7777777)"),
    ts_ms: value("(TIMESTAMP '2001-05-05 10:20:30.123' + to_milliseconds(i * 777))::TIMESTAMP_MS"),
    ts_ns: value('make_timestamp_ns(i * 7777777777777 - 99)'),
    uid: value('md5(i::VARCHAR)::UUID'),
    step: value('to_months((i % 40)::INTEGER) + to_days((i % 31)::INTEGER)'),
    nothing: 'NULL::INTEGER',
  };
  const list = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  return `SELECT ${list.join(',\n')} FROM range(${rows}) t(i)`;
}
