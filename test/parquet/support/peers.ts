/** Other engines as readers and rewriters of whole files. */
import { createRequire } from 'node:module';
import { parquetReadObjects } from 'hyparquet';
import type { WriterProperties, WriterPropertiesBuilder } from 'parquet-wasm';
import { compressors } from '../../support/compressors.ts';

// These two ship CommonJS with named exports that Node does not see.
const require = createRequire(import.meta.url);
export const arrow = require('parquet-wasm') as typeof import('parquet-wasm');
const polars = require('nodejs-polars') as typeof import('nodejs-polars').default;

/** The file as arrow-rs reads it and writes it again. */
export function throughArrow(
  file: Uint8Array,
  configure: (builder: WriterPropertiesBuilder) => WriterPropertiesBuilder = (builder) => builder,
): Uint8Array {
  const properties: WriterProperties = configure(new arrow.WriterPropertiesBuilder()).build();
  return arrow.writeParquet(arrow.readParquet(file), properties);
}

export type PolarsCompression = 'uncompressed' | 'snappy' | 'gzip' | 'brotli' | 'lz4' | 'zstd';

/** The file as Polars reads it and writes it again. */
export function throughPolars(file: Uint8Array, compression: PolarsCompression = 'zstd'): Uint8Array {
  return polars.readParquet(Buffer.from(file)).writeParquet({ compression });
}

/** All rows as hyparquet reads them. */
export function readHyparquet(file: Uint8Array, columns?: string[], utf8 = false): Promise<Record<string, unknown>[]> {
  const copy = new Uint8Array(file);
  return parquetReadObjects({ file: copy.buffer, compressors, utf8, ...(columns && { columns }) });
}

interface ParquetjsReader {
  getCursor(): { next(): Promise<Record<string, unknown> | null> };
  close(): Promise<void>;
}

interface Parquetjs {
  ParquetReader: { openBuffer(buffer: Buffer): Promise<ParquetjsReader> };
  ParquetSchema: new (fields: Record<string, unknown>) => object;
  ParquetWriter: {
    openFile(
      schema: object,
      path: string,
      options?: Record<string, unknown>,
    ): Promise<{ appendRow(row: object): Promise<void>; setRowGroupSize(rows: number): void; close(): Promise<void> }>;
  };
}

export const dsnp = require('@dsnp/parquetjs') as Parquetjs;
export const lite = require('parquetjs-lite') as Parquetjs;

/** All rows as @dsnp/parquetjs reads them, or parquetjs-lite. */
export async function readParquetjs(file: Uint8Array, library: Parquetjs): Promise<Record<string, unknown>[]> {
  const reader = await library.ParquetReader.openBuffer(Buffer.from(file));
  const cursor = reader.getCursor();
  const rows: Record<string, unknown>[] = [];
  for (let row = await cursor.next(); row; row = await cursor.next()) rows.push({ ...row });
  await reader.close();
  return rows;
}

export const readDsnp = (file: Uint8Array) => readParquetjs(file, dsnp);
export const readLite = (file: Uint8Array) => readParquetjs(file, lite);
