/**
 * Other engines as readers and rewriters of whole files. The large ones are packages of `bench/`, which `npm run peers`
 * installs; where they are not installed, tests of them are skipped by name.
 */
import { createRequire } from 'node:module';
import { parquetReadObjects } from 'hyparquet';
import { test } from 'vitest';
import { peersInstalled } from '../../../tools/peers.ts';
import { compressors } from '../../support/compressors.ts';

/** A test that needs the packages of `bench/`. */
export const peerTest = test.skipIf(!peersInstalled);

// By `require`, for these ship CommonJS with named exports that Node does not see.
const require = createRequire(import.meta.url);
const ofBench = createRequire(new URL('../../../bench/package.json', import.meta.url));
const peer = <T>(name: string) => (peersInstalled ? ofBench(name) : undefined) as T;

/** What the tests use of parquet-wasm. Its own types are there only where it is installed. */
interface Arrow {
  WriterPropertiesBuilder: new () => ArrowBuilder;
  readParquet(file: Uint8Array): object;
  writeParquet(table: object, properties: object): Uint8Array;
  Compression: Record<'UNCOMPRESSED' | 'SNAPPY' | 'GZIP' | 'BROTLI' | 'ZSTD' | 'LZ4_RAW' | 'LZ4', number>;
  Encoding: Record<
    'PLAIN' | 'RLE' | 'DELTA_BINARY_PACKED' | 'DELTA_LENGTH_BYTE_ARRAY' | 'DELTA_BYTE_ARRAY' | 'BYTE_STREAM_SPLIT',
    number
  >;
  WriterVersion: Record<'V1' | 'V2', number>;
}
interface ArrowBuilder {
  setMaxRowGroupSize(rows: number): ArrowBuilder;
  setDataPageSizeLimit(bytes: number): ArrowBuilder;
  setDictionaryPageSizeLimit(bytes: number): ArrowBuilder;
  setDictionaryEnabled(enabled: boolean): ArrowBuilder;
  setWriteBatchSize(rows: number): ArrowBuilder;
  setWriterVersion(version: number): ArrowBuilder;
  setCompression(codec: number): ArrowBuilder;
  setEncoding(encoding: number): ArrowBuilder;
  setColumnEncoding(column: string, encoding: number): ArrowBuilder;
  build(): object;
}
interface Polars {
  readParquet(file: Buffer): { writeParquet(options: { compression: PolarsCompression }): Uint8Array };
}

export const arrow = peer<Arrow>('parquet-wasm');
const polars = peer<Polars>('nodejs-polars');

/** The file as arrow-rs reads it and writes it again. */
export function throughArrow(
  file: Uint8Array,
  configure: (builder: ArrowBuilder) => ArrowBuilder = (builder) => builder,
): Uint8Array {
  const properties = configure(new arrow.WriterPropertiesBuilder()).build();
  return arrow.writeParquet(arrow.readParquet(file), properties);
}

export type PolarsCompression = 'uncompressed' | 'snappy' | 'gzip' | 'brotli' | 'lz4' | 'zstd';

/** The file as Polars reads it and writes it again. */
export function throughPolars(file: Uint8Array, compression: PolarsCompression = 'zstd'): Uint8Array {
  return polars.readParquet(Buffer.from(file)).writeParquet({ compression });
}

/** Each of these with its name, as far as they are installed. */
export const rewritingPeers: [string, (file: Uint8Array) => Uint8Array][] = peersInstalled
  ? [
      ['arrow-rs', throughArrow],
      ['Polars', throughPolars],
    ]
  : [];

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

export const dsnp = peer<Parquetjs>('@dsnp/parquetjs');
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
