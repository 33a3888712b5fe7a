/** The same rows, written anew by another writer. */
import fs from 'node:fs';
import path from 'node:path';
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { peersInstalled } from '../../../tools/peers.ts';
import { dsnp, lite, readHyparquet, throughArrow, throughPolars } from '../../parquet/support/peers.ts';
import type { DuckReader } from './reader.ts';

export type Writer = 'own' | 'duckdb' | 'duckdbV2' | 'arrow' | 'arrowV2' | 'polars' | 'hyparquet' | 'dsnp' | 'lite';

const peers: readonly Writer[] = ['arrow', 'arrowV2', 'polars', 'dsnp'];

/** Those of these writers that can be had here: some are packages of `bench/`. */
export const writersHere = (writers: readonly Writer[]): readonly Writer[] =>
  peersInstalled ? writers : writers.filter((writer) => !peers.includes(writer));

export async function rewriteWith(writer: Writer, bytes: Uint8Array, duck: DuckReader): Promise<Uint8Array> {
  switch (writer) {
    case 'own':
      return bytes;
    case 'duckdb':
      return duck.rewrite(bytes, 'ROW_GROUP_SIZE 2048, CODEC snappy');
    case 'duckdbV2':
      return duck.rewrite(bytes, 'ROW_GROUP_SIZE 2048, CODEC zstd, PARQUET_VERSION V2');
    case 'arrow':
      return throughArrow(bytes, (properties) => properties.setMaxRowGroupSize(100).setDataPageSizeLimit(64));
    case 'arrowV2':
      return throughArrow(bytes, (properties) =>
        properties.setMaxRowGroupSize(100).setDataPageSizeLimit(64).setDictionaryPageSizeLimit(40).setWriterVersion(1),
      );
    case 'polars':
      return throughPolars(bytes, 'zstd');
    case 'hyparquet':
      return throughHyparquet(bytes);
    case 'dsnp':
    case 'lite':
      return throughParquetjs(writer, bytes, duck.directory);
  }
}

/** V2 pages, small dictionaries, page indexes and Bloom filters. */
async function throughHyparquet(bytes: Uint8Array): Promise<Uint8Array> {
  const { root, leaves } = flatSchema(bytes);
  const rows = await readHyparquet(bytes, undefined, true);
  const columnData = leaves.map(({ name, type }, c) => ({
    name,
    data: rows.map((row) => row[name] ?? null),
    columnIndex: true,
    offsetIndex: true,
    bloomFilter: type !== 'BOOLEAN',
    ...(c % 2 === 1 && { encoding: deltaOf[type!] ?? 'PLAIN' }),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema: [root, ...leaves], rowGroupSize: 100, pageSize: 64 }));
}

/** The columns that these writers are asked for: no groups, and nothing within one. */
function flatSchema(bytes: Uint8Array): { root: SchemaElement; leaves: SchemaElement[] } {
  const [root, ...elements] = parquetMetadata(new Uint8Array(bytes).buffer).schema;
  const leaves = elements.filter(({ type }, i) => type !== undefined && elements[i - 1]?.num_children === undefined);
  return { root: { ...root!, num_children: leaves.length }, leaves };
}

const deltaOf = {
  BOOLEAN: 'RLE',
  INT32: 'DELTA_BINARY_PACKED',
  INT64: 'DELTA_BINARY_PACKED',
  INT96: 'PLAIN',
  FLOAT: 'BYTE_STREAM_SPLIT',
  DOUBLE: 'BYTE_STREAM_SPLIT',
  BYTE_ARRAY: 'DELTA_BYTE_ARRAY',
  FIXED_LEN_BYTE_ARRAY: 'PLAIN',
} as const;

/** PLAIN pages, V1 by parquetjs-lite and V2 by @dsnp/parquetjs. */
async function throughParquetjs(writer: 'dsnp' | 'lite', bytes: Uint8Array, directory: string): Promise<Uint8Array> {
  const { leaves } = flatSchema(bytes);
  const fields = leaves.map((element) => [
    element.name,
    {
      type: parquetjsType(element),
      optional: element.repetition_type === 'OPTIONAL',
      compression: writer === 'dsnp' ? 'BROTLI' : 'SNAPPY',
    },
  ]);
  const { ParquetSchema, ParquetWriter } = writer === 'dsnp' ? dsnp : lite;
  const file = path.join(directory, `${writer}.parquet`);
  const out = await ParquetWriter.openFile(new ParquetSchema(Object.fromEntries(fields)), file, {
    useDataPageV2: writer === 'dsnp',
    pageSize: 20,
  });
  out.setRowGroupSize(100);
  for (const row of await readHyparquet(bytes, undefined, true)) {
    const present = leaves.filter(({ name }) => row[name] !== null && row[name] !== undefined);
    await out.appendRow(Object.fromEntries(present.map(({ name }) => [name, row[name]])));
  }
  await out.close();
  const written = new Uint8Array(fs.readFileSync(file));
  fs.rmSync(file);
  return written;
}

function parquetjsType({ type, converted_type: converted, logical_type: logical }: SchemaElement): string {
  if (converted === 'UTF8' || converted === 'DATE') return converted;
  return logical?.type === 'TIMESTAMP' ? 'TIMESTAMP_MILLIS' : type!;
}
