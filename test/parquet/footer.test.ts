/** Footers: what is written is read, by us and by hyparquet; what cannot be read is refused by name. */
import assert from 'node:assert/strict';
import { parquetMetadata } from 'hyparquet';
import { test } from 'vitest';
import type { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { encodePlain } from '../../src/parquet/encode-pages.ts';
import { footerLength, parseFooter } from '../../src/parquet/footer-read.ts';
import { type FooterInput, writeFooter } from '../../src/parquet/footer-write.ts';
import type { ChunkMeta } from '../../src/parquet/types.ts';
import { decodeAt, fileOf, footerOf } from './support/files.ts';
import { everyType, randomColumn } from './support/random.ts';

const chunk: ChunkMeta = {
  codec: 'ZSTD',
  encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
  numValues: 10,
  start: 4,
  length: 90,
  uncompressedLength: 100,
  dictionaryPageOffset: 4,
  dataPageOffset: 34,
  statistics: {
    nullCount: 2,
    distinctCount: 3,
    minValue: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 128),
    maxValue: Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0),
    minExact: true,
    maxExact: false,
  },
  pageEncodings: [
    { page: 'dictionary', encoding: 'PLAIN', count: 1 },
    { page: 'v1', encoding: 'RLE_DICTIONARY', count: 20 },
    { page: 'v2', encoding: 'RLE_DICTIONARY', count: 3 },
  ],
};

const input: FooterInput = {
  leaves: [{ name: 'id', type: { physical: 'INT64' }, optional: true }],
  rowGroups: [{ rows: 10, chunks: [chunk], sortedBy: 0 }],
  rows: 10,
  keyValues: { run: 'r1', 'key with é': 'value\n' },
  createdBy: 'ordinal version 0.1.0 (build 0000000)',
};

/** A file of any data with this footer. */
function withFooter(footer: FooterInput, dataBytes = 200): Uint8Array {
  return Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(dataBytes), writeFooter(footer)]);
}

test('a footer is read as it was written', () => {
  const file = withFooter(input);
  assert.deepEqual(footerOf(file), {
    rows: 10,
    leaves: [{ name: 'id', ordinal: 0, type: { physical: 'INT64' }, optional: true, nested: false }],
    rowGroups: [{ rows: 10, chunks: [chunk] }],
    keyValues: input.keyValues,
    createdBy: input.createdBy,
  });
});

test('the tail alone is enough', () => {
  const file = withFooter(input, 10_000);
  const length = footerLength(file.subarray(-8), file.length, 'b');
  assert.deepEqual(parseFooter(file.subarray(-8 - length), file.length, 'b'), footerOf(file));
  assert.throws(() => parseFooter(file.subarray(-7 - length), file.length, 'b'), { code: 'TruncatedFile' });
});

test('hyparquet reads every type of column with both its annotations, and the metadata of chunks', () => {
  const names = Object.keys(everyType);
  const file = fileOf(
    names.map((name, i) => {
      const type = everyType[name]!;
      const { values, valid } = randomColumn(type, 20, 5, 0.3, i);
      return { name, type, optional: true, chunks: [encodePlain(type, true, values, valid, 'SNAPPY')] };
    }),
  );
  const read = parquetMetadata(new Uint8Array(file).buffer);
  const byName = new Map(read.schema.map((element) => [element.name, element]));
  assert.equal(byName.get('uint32')?.converted_type, 'UINT_32');
  assert.deepEqual(byName.get('uint32')?.logical_type, { type: 'INTEGER', bitWidth: 32, isSigned: false });
  assert.equal(byName.get('string')?.converted_type, 'UTF8');
  assert.deepEqual(byName.get('string')?.logical_type, { type: 'STRING' });
  assert.equal(byName.get('timestamp')?.converted_type, 'TIMESTAMP_MICROS');
  assert.deepEqual(byName.get('timestamp')?.logical_type, { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' });
  // Local and nanosecond timestamps have no converted type.
  assert.equal(byName.get('localTimestamp')?.converted_type, undefined);
  assert.deepEqual(byName.get('localTimestamp')?.logical_type, {
    type: 'TIMESTAMP',
    isAdjustedToUTC: false,
    unit: 'NANOS',
  });
  assert.equal(byName.get('interval')?.converted_type, 'INTERVAL');
  assert.equal(byName.get('interval')?.logical_type, undefined);
  assert.deepEqual(
    [byName.get('decimal38')?.converted_type, byName.get('decimal38')?.precision, byName.get('decimal38')?.scale],
    ['DECIMAL', 38, 10],
  );
  assert.deepEqual(byName.get('decimal38')?.logical_type, { type: 'DECIMAL', precision: 38, scale: 10 });
  assert.deepEqual(byName.get('uuid')?.logical_type, { type: 'UUID' });
  const group = read.row_groups[0]!;
  const chunks = footerOf(file).rowGroups[0]!.chunks;
  assert.equal(group.file_offset, 4n);
  assert.equal(group.total_compressed_size, BigInt(chunks.reduce((sum, { length }) => sum + length, 0)));
  assert.equal(group.total_byte_size, BigInt(chunks.reduce((sum, one) => sum + one.uncompressedLength, 0)));
  names.forEach((name, i) => {
    const meta = group.columns[i]!.meta_data!;
    assert.deepEqual(meta.path_in_schema, [name]);
    assert.equal(meta.num_values, 20n);
    assert.deepEqual(meta.encodings, ['PLAIN', 'RLE']);
    assert.deepEqual(meta.encoding_stats, [{ page_type: 'DATA_PAGE', encoding: 'PLAIN', count: 1 }]);
  });
});

test('sorting, counts beyond 32 bits and many row groups survive', () => {
  const far = { ...chunk, start: 2 ** 40, dictionaryPageOffset: 2 ** 40, dataPageOffset: 2 ** 40 + 30 };
  const rowGroups = Array.from({ length: 300 }, () => ({ rows: 10, chunks: [far], sortedBy: 0 }));
  const footer = writeFooter({ ...input, rowGroups, rows: 3000 });
  const size = 2 ** 41 + footer.length;
  assert.deepEqual(parseFooter(footer, size, 'b').rowGroups[299]!.chunks[0], far);
  const read = parquetMetadata(footer.buffer as ArrayBuffer);
  assert.deepEqual(read.row_groups[7]!.sorting_columns, [{ column_idx: 0, descending: false, nulls_first: false }]);
  assert.equal(read.row_groups[7]!.ordinal, 7);
  assert.equal(read.num_rows, 3000n);
});

test('what is no readable Parquet file is refused by name', () => {
  const file = withFooter(input);
  const ending = (text: string) => Buffer.concat([file.subarray(0, -4), Buffer.from(text)]);
  const refusals: [string, Uint8Array, string][] = [
    ['NotParquet', Buffer.from('PAR1'), 'an empty shell'],
    ['NotParquet', new Uint8Array(0), 'nothing'],
    ['NotParquet', Buffer.from('id,name\n1,a\n2,b\n'), 'text'],
    ['UnsupportedFile', ending('PARE'), 'an encrypted footer'],
    ['TruncatedFile', file.subarray(150), 'a lost head'],
    ['CorruptFile', withFooter(input).fill(255, 240, 260), 'a scribbled footer'],
  ];
  for (const [code, bytes, what] of refusals) {
    assert.throws(
      () => parseFooter(bytes, bytes.length, 'landing/x.parquet'),
      (error: OrdinalError) => error.code === code && error.where?.blob === 'landing/x.parquet',
      what,
    );
  }
});

test('contradictions are refused where they are', () => {
  const changed = (change: Partial<ChunkMeta>): FooterInput => ({
    ...input,
    rowGroups: [{ rows: 10, chunks: [{ ...chunk, ...change }] }],
  });
  const outside: [FooterInput, string][] = [
    [changed({ length: 1000 }), 'TruncatedFile'],
    [changed({ dictionaryPageOffset: 2 ** 45, dataPageOffset: 2 ** 45 + 30 }), 'TruncatedFile'],
    [changed({ dataPageOffset: 150 }), 'CorruptFile'],
    [
      {
        ...input,
        leaves: [{ name: 'id', type: { physical: 'INT64' }, optional: true }, input.leaves[0]!],
        rowGroups: [{ rows: 10, chunks: [chunk, { ...chunk, length: 500 }] }],
      },
      'TruncatedFile',
    ],
  ];
  for (const [footer, code] of outside) {
    assert.throws(
      () => footerOf(withFooter(footer)),
      (error: Error & { code?: string; where?: object }) => {
        assert.equal(error.code, code);
        assert.deepEqual(error.where, { blob: 'test', rowGroup: 0, column: 'id' });
        return true;
      },
    );
  }
  const rows = limits.rowGroupRowsMax + 1;
  const huge = { ...input, rows, rowGroups: [{ rows, chunks: [{ ...chunk, numValues: rows }] }] };
  assert.throws(() => footerOf(withFooter(huge)), { code: 'LimitExceeded' });
});

test('an empty row group whose chunks say nothing of where they are is read as one without rows', () => {
  // As Arrow for C++ writes it: a dictionary page, and data pages at byte 0.
  const empty = { ...chunk, numValues: 0, length: 14, dictionaryPageOffset: 4, dataPageOffset: 0, statistics: {} };
  const footer = footerOf(withFooter({ ...input, rows: 0, rowGroups: [{ rows: 0, chunks: [empty] }] }));
  assert.deepEqual([footer.rows, footer.rowGroups[0]!.rows], [0, 0]);
  const { start, length, dataPageOffset } = footer.rowGroups[0]!.chunks[0]!;
  assert.deepEqual({ start, length, dataPageOffset }, { start: 0, length: 0, dataPageOffset: 0 });
});

test('a file that states no rows has those of its row groups; any other wrong number is refused', () => {
  // As an early writer in Rust leaves it. Another number could mean that a row group is lost.
  const file = withFooter(input);
  const more = { ...input, rows: 11, rowGroups: [{ rows: 11, chunks: [{ ...chunk, numValues: 11 }] }] };
  // The first byte in which they differ is the file's row count, as a zigzag number.
  const at = withFooter(more).findIndex((byte, i) => byte !== file[i]);
  const stating = (rows: number) => footerOf(Buffer.from(file).fill(rows * 2, at, at + 1));
  assert.equal(stating(10).rows, 10);
  assert.equal(stating(0).rows, 10);
  for (const rows of [9, 11, 20]) {
    assert.throws(() => stating(rows), { code: 'CorruptFile', message: /row groups have 10/ });
  }
});

test('a chunk in LZO, an unknown codec or an unknown encoding is passed over, and refused when used', () => {
  const type = { physical: 'INT64' } as const;
  const { values } = randomColumn(type, 50, 9, 0, 1);
  const plain = encodePlain(type, false, values, undefined, 'UNCOMPRESSED');
  const fileWith = (change: Partial<ChunkMeta>) =>
    fileOf([
      { name: 'odd', type, optional: false, chunks: [{ parts: plain.parts, meta: { ...plain.meta, ...change } }] },
      { name: 'fine', type, optional: false, chunks: [plain] },
    ]);
  // The byte in which two footers differ is the number of what they differ in.
  const withNumber = (a: Partial<ChunkMeta>, b: Partial<ChunkMeta>, number: number) => {
    const [fileA, fileB] = [fileWith(a), fileWith(b)];
    const at = fileA.findIndex((byte, i) => byte !== fileB[i]);
    fileA[at] = number * 2;
    return fileA;
  };
  const refused: [Uint8Array, RegExp][] = [
    [fileWith({ codec: 'LZO' }), /LZO/],
    [withNumber({ codec: 'GZIP' }, { codec: 'ZSTD' }, 33), /codec 33/],
    [withNumber({ encodings: ['PLAIN'] }, { encodings: ['RLE'] }, 44), /encoding 44/],
  ];
  for (const [file, message] of refused) {
    const footer = footerOf(file);
    assert.equal(decodeAt(file, footer, 0, 1).rows, 50);
    assert.throws(() => decodeAt(file, footer, 0, 0), {
      code: 'UnsupportedFile',
      message,
      where: { blob: 'test', rowGroup: 0, column: 'odd' },
    });
  }
});
