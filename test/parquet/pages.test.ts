/** Pages made by hand: what no writer at hand produces, and what must be refused. */
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { decodeChunk } from '../../src/parquet/decode.ts';
import { decodeValidity } from '../../src/parquet/decode-levels.ts';
import { bitWidthOf, decodeHybrid, encodeHybrid } from '../../src/parquet/hybrid.ts';
import { chunkShape, readPages } from '../../src/parquet/pages.ts';
import { ThriftWriter } from '../../src/parquet/thrift-write.ts';
import type { ChunkMeta, Codec, Column, ColumnType, Leaf } from '../../src/parquet/types.ts';

const int32: ColumnType = { physical: 'INT32' };
const where = { blob: 'b', rowGroup: 3 };
const encodingNumbers = {
  PLAIN: 0,
  PLAIN_DICTIONARY: 2,
  RLE: 3,
  BIT_PACKED: 4,
  DELTA_BINARY_PACKED: 5,
  RLE_DICTIONARY: 8,
};

interface HandPage {
  type: 'v1' | 'v2' | 'dictionary' | 'index';
  values: number;
  encoding: keyof typeof encodingNumbers;
  body: Uint8Array;
  /** Of the body before compression. */
  size?: number;
  levels?: keyof typeof encodingNumbers;
  nulls?: number;
  levelBytes?: number;
  compressed?: boolean;
  crc?: number;
}

function pageBytes(page: HandPage): Uint8Array {
  const writer = new ThriftWriter();
  writer.i32(1, { v1: 0, index: 1, dictionary: 2, v2: 3 }[page.type]);
  writer.i32(2, page.size ?? page.body.length);
  writer.i32(3, page.body.length);
  writer.i32(4, page.crc);
  if (page.type !== 'index') {
    writer.open({ v1: 5, dictionary: 7, v2: 8 }[page.type]);
    writer.i32(1, page.values);
    if (page.type === 'v2') {
      writer.i32(2, page.nulls ?? 0);
      writer.i32(3, page.values);
      writer.i32(4, encodingNumbers[page.encoding]);
      writer.i32(5, page.levelBytes ?? 0);
      writer.i32(6, 0);
      writer.bool(7, page.compressed);
    } else {
      writer.i32(2, encodingNumbers[page.encoding]);
      if (page.type === 'v1') {
        writer.i32(3, encodingNumbers[page.levels ?? 'RLE']);
        writer.i32(4, encodingNumbers.RLE);
      }
    }
    writer.end();
  }
  writer.end();
  return Buffer.concat([writer.finish(), page.body]);
}

function decode(pages: HandPage[], optional = true, codec: Codec = 'UNCOMPRESSED', type = int32): Column {
  const { bytes, meta, leaf } = chunkOf(pages, optional, codec, type);
  return decodeChunk(bytes, meta, leaf, meta.numValues, where);
}

function chunkOf(pages: HandPage[], optional = true, codec: Codec = 'UNCOMPRESSED', type = int32) {
  const bytes = Buffer.concat(pages.map(pageBytes));
  const data = pages.filter((page) => page.type === 'v1' || page.type === 'v2');
  const meta: ChunkMeta = {
    codec,
    encodings: [],
    numValues: data.reduce((sum, page) => sum + page.values, 0),
    start: 4,
    length: bytes.length,
    uncompressedLength: bytes.length,
    dataPageOffset: 4,
  };
  const leaf: Leaf = { name: 'c', ordinal: 0, type, optional, nested: false };
  return { bytes, meta, leaf };
}

function plain(...numbers: number[]): Uint8Array {
  return Buffer.from(Int32Array.from(numbers).buffer);
}

function rowsOf(column: Column): (number | null)[] {
  return Array.from({ length: column.rows }, (_, r) => {
    if (column.form === 'plain') return column.valid?.[r] === 0 ? null : Number(column.values.data[r]);
    return column.indices[r]! < 0 ? null : Number(column.dictionary.data[column.indices[r]!]);
  });
}

test('deprecated bit-packed levels: most significant bit first, without a length', () => {
  const body = Buffer.concat([Uint8Array.of(0b10110000), plain(1, 2, 3)]);
  const column = decode([{ type: 'v1', values: 5, encoding: 'PLAIN', levels: 'BIT_PACKED', body }]);
  assert.deepEqual(rowsOf(column), [1, null, 2, 3, null]);
  assert.equal(column.nulls, 2);
});

test('V2 pages that are not compressed in a compressed chunk, and index pages in between', () => {
  const levels = Uint8Array.of(0b11, 0b00001101);
  const stored = plain(7, 8, 9);
  const packed = zlib.gzipSync(stored);
  const base = { type: 'v2', values: 4, encoding: 'PLAIN', nulls: 1, levelBytes: 2 } as const;
  const column = decode(
    [
      { ...base, body: Buffer.concat([levels, stored]), compressed: false },
      { type: 'index', values: 0, encoding: 'PLAIN', body: Uint8Array.of(1, 2, 3) },
      { ...base, body: Buffer.concat([levels, packed]), size: 14 },
    ],
    true,
    'GZIP',
  );
  assert.deepEqual(rowsOf(column), [7, null, 8, 9, 7, null, 8, 9]);
});

test('a page without values may lack a body, a bit width and a dictionary', () => {
  const allNull = Uint8Array.of(6, 0);
  const v1 = Buffer.concat([Uint8Array.of(2, 0, 0, 0), allNull]);
  const pages: HandPage[] = [
    { type: 'v1', values: 3, encoding: 'RLE_DICTIONARY', body: v1 },
    { type: 'v2', values: 3, encoding: 'RLE_DICTIONARY', body: allNull, nulls: 3, levelBytes: 2 },
  ];
  assert.deepEqual(rowsOf(decode(pages)), [null, null, null, null, null, null]);
  const { bytes, meta, leaf } = chunkOf(pages);
  assert.equal(decodeValidity({ bytes, meta, leaf, rows: 6 }, where).nulls, 6);
  assert.equal(chunkShape(bytes, meta, leaf, where).whollyDictionary, false);
});

test('dictionary indices of zero bits, and one-entry runs', () => {
  const dictionary: HandPage = { type: 'dictionary', values: 1, encoding: 'PLAIN_DICTIONARY', body: plain(42) };
  const column = decode(
    [dictionary, { type: 'v1', values: 5, encoding: 'PLAIN_DICTIONARY', body: Uint8Array.of(0, 10) }],
    false,
  );
  assert.deepEqual(rowsOf(column), [42, 42, 42, 42, 42]);
});

test('bytes behind the last page are padding', () => {
  const { bytes, meta, leaf } = chunkOf([{ type: 'v1', values: 2, encoding: 'PLAIN', body: plain(1, 2) }], false);
  const padded = Buffer.concat([bytes, Buffer.alloc(16, 255)]);
  const shape = chunkShape(padded, { ...meta, length: padded.length }, leaf, where);
  assert.equal(shape.dataEnd, bytes.length);
  assert.deepEqual(rowsOf(decodeChunk(padded, { ...meta, length: padded.length }, leaf, 2, where)), [1, 2]);
});

test('a CRC is checked where there is one', () => {
  const body = plain(1, 2, 3);
  const page: HandPage = { type: 'v1', values: 3, encoding: 'PLAIN', body, crc: zlib.crc32(body) | 0 };
  assert.deepEqual(rowsOf(decode([page], false)), [1, 2, 3]);
  assert.throws(() => decode([{ ...page, body: plain(1, 2, 4) }], false), { code: 'CorruptFile', message: /CRC/ });
});

test('contradictions inside a chunk are refused with their place', () => {
  const dictionary: HandPage = { type: 'dictionary', values: 3, encoding: 'PLAIN', body: plain(1, 2, 3) };
  const indices = (...body: number[]): HandPage => ({
    type: 'v1',
    values: 4,
    encoding: 'RLE_DICTIONARY',
    body: Uint8Array.from(body),
  });
  const data: HandPage = { type: 'v1', values: 2, encoding: 'PLAIN', body: plain(1, 2) };
  const refusals: [HandPage[], boolean, RegExp][] = [
    [[dictionary, indices(2, 8, 3)], false, /index 3 into a dictionary of 3/],
    [[dictionary, indices(32, 8, 255, 255, 255, 255)], false, /index 4294967295/],
    [[dictionary, indices(33, 8, 0, 0, 0, 0, 0)], false, /bit width of 33/],
    [[dictionary, indices(2, 8)], false, /a run without its value/],
    [[dictionary, indices(2, 4, 1)], false, /a run without a header/],
    [[dictionary, indices(2, 3)], false, /bit-packed values run past/],
    [[dictionary, indices()], false, /without their bit width/],
    [[indices(2, 8, 1)], false, /without a dictionary/],
    [[data, dictionary], false, /not the first page/],
    [[{ ...data, values: 3 }], false, /3 values of 4 bytes in 8 bytes/],
    [[{ ...data, encoding: 'RLE' }], false, /RLE pages in a column of INT32/],
    [[{ ...data, body: Uint8Array.of(9, 0) }], true, /without its definition levels/],
    [[{ ...data, body: Uint8Array.of(9, 0, 0, 0, 1) }], true, /definition levels of 9 bytes/],
    [[{ ...data, type: 'v2', nulls: 1 }], true, /0 nulls that declares 1/],
    [[{ ...data, type: 'v2', nulls: 3 }], true, /2 values with 3 nulls/],
    [[{ ...data, type: 'v2', levelBytes: 99 }], true, /levels larger than their page/],
    [[{ ...data, size: 9 }], false, /8 bytes instead of 9/],
  ];
  for (const [pages, optional, message] of refusals) {
    assert.throws(
      () => {
        const { bytes, meta, leaf } = chunkOf(pages, optional);
        // The last page may lie after the values are complete.
        decodeChunk(bytes, { ...meta, numValues: meta.numValues || 1 }, leaf, meta.numValues || 1, where);
        if (pages[1]?.type === 'dictionary') readPages(bytes, { ...meta, numValues: 9 }, leaf, where);
      },
      (error) => {
        assert.ok(error instanceof OrdinalError, String(error));
        assert.equal(error.code, 'CorruptFile');
        assert.match(error.message, message);
        assert.deepEqual(error.where, { blob: 'b', rowGroup: 3, column: 'c' });
        return true;
      },
    );
  }
});

test('a page that claims half a gigabyte more than it holds is refused before memory is taken', () => {
  for (const codec of ['SNAPPY', 'LZ4_RAW', 'LZ4', 'GZIP', 'ZSTD', 'BROTLI'] as const) {
    const page: HandPage = { type: 'v1', values: 1, encoding: 'PLAIN', body: plain(1, 2), size: limits.pageBytesMax };
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(() => decode([page], false, codec), { code: 'CorruptFile' });
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
  }
  const beyond: HandPage = { type: 'v1', values: 1, encoding: 'PLAIN', body: plain(1), size: limits.pageBytesMax + 1 };
  assert.throws(() => decode([beyond], false, 'ZSTD'), { code: 'LimitExceeded' });
});

test('the hybrid encoding of any integers decodes to them, at every bit width', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 31 }),
      fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 90 }))), { maxLength: 60 }),
      fc.nat(20),
      (bitWidth, runs, from) => {
        const limit = 2 ** bitWidth;
        const values = Int32Array.from(runs.flatMap(([value, count]) => Array(count).fill(value % limit)));
        const start = Math.min(from, values.length);
        const bytes = encodeHybrid(values, start, values.length, bitWidth);
        const padded = Buffer.concat([Uint8Array.of(9, 9), bytes, Uint8Array.of(255)]);
        const out = new Int32Array(values.length - start + 1).fill(-7);
        const end = decodeHybrid(padded, 2, 2 + bytes.length, bitWidth, values.length - start, out, 1);
        assert.equal(end, 2 + bytes.length);
        assert.deepEqual(out.subarray(1), values.subarray(start));
        assert.equal(out[0], -7);
      },
    ),
    { numRuns: 500 },
  );
  assert.deepEqual([0, 1, 2, 3, 255, 256, 2 ** 31 - 1].map(bitWidthOf), [0, 1, 2, 2, 8, 9, 31]);
});

test('a long literal run is split where its header would not hold it', () => {
  const values = Int32Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 4093);
  const bytes = encodeHybrid(values, 0, values.length, 12);
  const out = new Int32Array(values.length);
  assert.equal(decodeHybrid(bytes, 0, bytes.length, 12, values.length, out, 0), bytes.length);
  assert.deepEqual(out, values);
});
