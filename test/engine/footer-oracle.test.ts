/** The footer oracle itself: it takes true footers, and every kind of lie is found. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { encodeColumn } from '../../src/parquet/encode.ts';
import { writeFooter } from '../../src/parquet/footer-write.ts';
import type { ChunkMeta, Codec, RawStatistics } from '../../src/parquet/types.ts';
import { fileOf, footerOf } from '../parquet/support/files.ts';
import { everyType, randomColumn } from '../parquet/support/random.ts';
import { checkFooter } from '../support/footer-oracle.ts';

const rows = 60;

function fileOfEverything(codec: Codec): Uint8Array {
  return fileOf(
    Object.entries(everyType).map(([name, type], i) => {
      const { values, valid, nulls } = randomColumn(type, rows, i % 2 === 0 ? 10 : 100, 0.2, i);
      const column = { form: 'plain', rows, nulls, values, valid } as const;
      const chunk = encodeColumn(column, type, true, codec, { rowsPerPage: 25 });
      return { name, type, optional: true, chunks: [chunk, chunk] };
    }),
  );
}

test.each(['UNCOMPRESSED', 'SNAPPY', 'ZSTD'] as const)('a true footer of every type is taken: %s', async (codec) => {
  await checkFooter(fileOfEverything(codec));
});

/** The file with one chunk described otherwise. */
function lying(file: Uint8Array, column: string, lie: (meta: ChunkMeta) => Partial<ChunkMeta>): Uint8Array {
  const footer = footerOf(file);
  const ordinal = footer.leaves.findIndex(({ name }) => name === column);
  const rowGroups = footer.rowGroups.map((group, g) => ({
    ...group,
    chunks: group.chunks.map((meta, c) => (g === 1 && c === ordinal ? { ...meta, ...lie(meta) } : meta)),
  }));
  const end = file.length - 8 - new DataView(file.buffer, file.byteOffset + file.length - 8).getUint32(0, true);
  const { rows: all, keyValues } = footer;
  const leaves = footer.leaves.map(({ name, type, optional }) => ({ name, type, optional }));
  return Buffer.concat([
    file.subarray(0, end),
    writeFooter({ leaves, rowGroups, rows: all, keyValues, createdBy: 'x' }),
  ]);
}

const statistics = (change: (known: RawStatistics) => RawStatistics) => (meta: ChunkMeta) => ({
  statistics: { ...meta.statistics, ...change(meta.statistics!) },
});
const moved = (bytes: Uint8Array | undefined, by: number) => {
  const out = new Uint8Array(bytes!);
  out[0] = (out[0]! + by) & 255;
  return out;
};
const int32 = Object.keys(everyType).find(
  (name) => everyType[name]!.physical === 'INT32' && !everyType[name]!.annotation,
)!;
const text = Object.keys(everyType).find((name) => everyType[name]!.annotation?.kind === 'string')!;

test.each([
  ['null count', int32, statistics((known) => ({ nullCount: known.nullCount! + 1 })), /null count/],
  ['no nulls', int32, statistics(() => ({ nullCount: 0 })), /null count/],
  ['distinct count', int32, statistics(() => ({ distinctCount: 3 })), /distinct count/],
  ['minimum', int32, statistics((known) => ({ minValue: moved(known.minValue, 1) })), /minimum/],
  ['maximum', int32, statistics((known) => ({ maxValue: moved(known.maxValue, 1) })), /maximum/],
  ['minimum of text', text, statistics(() => ({ minValue: Uint8Array.of(255), minExact: false })), /minimum/],
  ['exactness', text, statistics(() => ({ maxValue: Uint8Array.of(255), maxExact: true })), /maximum/],
  ['decoded size', int32, (meta: ChunkMeta) => ({ uncompressedLength: meta.uncompressedLength + 1 }), /decoded size/],
  ['offset', int32, (meta: ChunkMeta) => ({ dataPageOffset: meta.dataPageOffset + 1 }), /offset/],
  ['encodings', int32, () => ({ encodings: ['RLE' as const] }), /among the encodings/],
  [
    'pages by encoding',
    int32,
    () => ({ pageEncodings: [{ page: 'v1' as const, encoding: 'PLAIN' as const, count: 9 }] }),
    /pages by encoding/,
  ],
] as const)('a false claim is found: %s', async (_, column, lie, message) => {
  const file = fileOfEverything('SNAPPY');
  await checkFooter(file);
  await assert.rejects(checkFooter(lying(file, column, lie as (meta: ChunkMeta) => Partial<ChunkMeta>)), message);
});
