/**
 * Damaged files: whatever is flipped, cut or overwritten, the result is either values or an `OrdinalError` that says
 * what is wrong with the file; never another error, a hang, or memory out of proportion. Damage is drawn from a seed
 * that a failure prints.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { beforeAll, test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { encodeColumn } from '../../src/parquet/encode-column.ts';
import { chunkShape } from '../../src/parquet/pages.ts';
import { proveChunk } from '../../src/parquet/prove-chunk.ts';
import type { Codec, Column, FileMeta, Leaf } from '../../src/parquet/types.ts';
import { bytesAt } from '../../src/parquet/values.ts';
import { peersInstalled } from '../../tools/peers.ts';
import { everythingQuery, Judge } from './support/duckdb.ts';
import { decodeAt, fileOf, footerOf } from './support/files.ts';
import { arrow, throughArrow } from './support/peers.ts';
import { everyType, randomColumn, randomOf } from './support/random.ts';

const allowed = new Set(['NotParquet', 'TruncatedFile', 'CorruptFile', 'UnsupportedFile', 'LimitExceeded']);
/** Decoding a damaged file of some hundred KB takes milliseconds; this is for a hang. */
const decodeMsMax = 5000;

const sources: Record<string, Uint8Array> = {};

beforeAll(async () => {
  const codecs: Codec[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'];
  for (const codec of codecs) {
    sources[`ours ${codec}`] = fileOf(
      Object.entries(everyType).map(([name, type], i) => {
        const { values, valid, nulls } = randomColumn(type, 300, i % 2 === 0 ? 20 : 400, 0.2, i);
        const column = { form: 'plain', rows: 300, nulls, values, valid } as const;
        return { name, type, optional: true, chunks: [encodeColumn(column, type, true, codec, { rowsPerPage: 100 })] };
      }),
    );
  }
  const judge = await Judge.open();
  const columns = 'i32, i64, few, f64, dec38, text, unique_text, blob, bool';
  const everything = await judge.write(`SELECT ${columns} FROM (${everythingQuery(400)})`, 'CODEC uncompressed');
  judge.close();
  if (!peersInstalled) return;
  for (const encoding of [
    'PLAIN',
    'DELTA_BINARY_PACKED',
    'DELTA_BYTE_ARRAY',
    'DELTA_LENGTH_BYTE_ARRAY',
    'RLE',
  ] as const) {
    const fits: Record<string, string[]> = {
      PLAIN: ['i32', 'f64', 'text', 'dec38'],
      DELTA_BINARY_PACKED: ['i32', 'i64', 'few'],
      DELTA_BYTE_ARRAY: ['text', 'unique_text', 'blob'],
      DELTA_LENGTH_BYTE_ARRAY: ['text', 'unique_text', 'blob'],
      RLE: ['bool'],
    };
    sources[`arrow-rs ${encoding}`] = throughArrow(everything, (builder) => {
      let next = builder
        .setCompression(arrow.Compression.UNCOMPRESSED)
        .setDictionaryEnabled(false)
        .setDataPageSizeLimit(500)
        .setWriteBatchSize(50)
        .setWriterVersion(arrow.WriterVersion.V2);
      for (const column of fits[encoding]!) next = next.setColumnEncoding(column, arrow.Encoding[encoding]);
      return next;
    });
  }
});

/** Reads all of a file; returns the code of its error, or 'read'. */
function outcome(file: Uint8Array): string {
  try {
    const footer = footerOf(file);
    for (let g = 0; g < footer.rowGroups.length; g++) {
      for (const leaf of footer.leaves) if (!leaf.nested) decodeAt(file, footer, g, leaf.ordinal);
    }
    return 'read';
  } catch (error) {
    if (!(error instanceof OrdinalError) || !allowed.has(error.code)) throw error;
    assert.equal(error.where?.blob, 'test');
    return error.code;
  }
}

/** What the walk over a chunk's pages says of it, without keeping a value. */
function proof(file: Uint8Array, footer: FileMeta, leaf: Leaf): string {
  const meta = footer.rowGroups[0]!.chunks[leaf.ordinal]!;
  const bytes = file.subarray(meta.start, meta.start + meta.length);
  const where = { blob: 'test', rowGroup: 0 };
  try {
    return proveChunk({ bytes, meta, leaf }, where, chunkShape(bytes, meta, leaf, where)) ? 'read' : 'no text';
  } catch (error) {
    if (!(error instanceof OrdinalError)) throw error;
    assert.deepEqual({ ...error.where }, { ...where, column: leaf.name });
    return error.code;
  }
}

/** The same, from a full decode and the standard library's decoder of text. */
function expectedOf(column: Column, footer: FileMeta, { ordinal, type }: Leaf): string {
  const stated = footer.rowGroups[0]!.chunks[ordinal]!.statistics?.nullCount;
  if (stated !== undefined && stated !== column.nulls) return 'CorruptFile';
  const values = column.form === 'dictionary' ? column.dictionary : column.values;
  if (values.kind !== 'bytes' || !['string', 'enum', 'json'].includes(type.annotation?.kind ?? '')) return 'read';
  const strict = new TextDecoder('utf-8', { fatal: true });
  try {
    for (let i = 0; i < values.length; i++) strict.decode(bytesAt(values, i));
    return 'read';
  } catch {
    return 'no text';
  }
}

/** Reads all chunks, each on its own, so that damage to one does not hide the others. */
function outcomesByChunk(file: Uint8Array, outcomes: Map<string, number>): void {
  const footer = footerOf(file);
  for (const leaf of footer.leaves) {
    let result = 'read';
    try {
      const column = decodeAt(file, footer, 0, leaf.ordinal);
      assert.equal(proof(file, footer, leaf), expectedOf(column, footer, leaf), `the proof of ${leaf.name}`);
    } catch (error) {
      if (!(error instanceof OrdinalError) || !allowed.has(error.code)) throw error;
      assert.equal(error.where?.column, leaf.name);
      result = error.code;
      assert.equal(proof(file, footer, leaf), result, `the proof of ${leaf.name}`);
    }
    outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
  }
}

function damage(file: Uint8Array, from: number, to: number, random: () => number): Uint8Array {
  const out = Uint8Array.from(file);
  const flips = 1 + Math.floor(random() * 3);
  for (let i = 0; i < flips; i++) {
    const at = from + Math.floor(random() * (to - from));
    const kind = random();
    if (kind < 0.5) out[at] = out[at]! ^ (1 << Math.floor(random() * 8));
    else if (kind < 0.7) out[at] = 255;
    else if (kind < 0.8) out.fill(255, at, Math.min(to, at + 9));
    else out[at] = random() * 256;
  }
  return out;
}

function footerStart(file: Uint8Array): number {
  return file.length - 8 - new DataView(file.buffer, file.byteOffset + file.length - 8, 4).getUint32(0, true);
}

const seed = 20260;

test('damaged data pages are read or refused', () => {
  const outcomes = new Map<string, number>();
  for (const [name, file] of Object.entries(sources)) {
    const random = randomOf(seed);
    const end = footerStart(file);
    for (let round = 0; round < 40; round++) {
      const start = performance.now();
      const damaged = damage(file, 4, end, random);
      // More damage at the beginning of chunks, where the page headers are.
      const footer = footerOf(file);
      for (const chunk of footer.rowGroups[0]!.chunks) {
        const at = chunk.start + Math.floor(random() * Math.min(40, chunk.length));
        if (random() < 0.5) damaged[at] = random() * 256;
      }
      try {
        outcomesByChunk(damaged, outcomes);
      } catch (error) {
        throw new Error(`seed ${seed}, ${name}, round ${round}`, { cause: error });
      }
      assert.ok(performance.now() - start < decodeMsMax, `seed ${seed}, ${name}, round ${round} hangs`);
    }
  }
  // The damage is worth something: every way of ending occurs.
  for (const result of ['read', 'CorruptFile', 'UnsupportedFile']) {
    assert.ok((outcomes.get(result) ?? 0) > 20, JSON.stringify([...outcomes]));
  }
});

test('damaged footers are read or refused', () => {
  const outcomes = new Map<string, number>();
  for (const [name, file] of Object.entries(sources)) {
    const random = randomOf(seed + 1);
    for (let round = 0; round < 60; round++) {
      const start = performance.now();
      const damaged = damage(file, footerStart(file), file.length, random);
      let result: string;
      try {
        result = outcome(damaged);
      } catch (error) {
        throw new Error(`seed ${seed}, ${name}, round ${round}`, { cause: error });
      }
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
      assert.ok(performance.now() - start < decodeMsMax, `seed ${seed}, ${name}, round ${round} hangs`);
    }
  }
  for (const result of ['read', 'CorruptFile', 'TruncatedFile', 'NotParquet']) {
    assert.ok((outcomes.get(result) ?? 0) > 3, JSON.stringify([...outcomes]));
  }
});

test('a file cut anywhere is refused as cut short or as no Parquet at all', () => {
  const file = sources['ours SNAPPY']!;
  const random = randomOf(seed + 2);
  for (let round = 0; round < 200; round++) {
    const end = round < 20 ? round : Math.floor(random() * file.length);
    assert.ok(['NotParquet', 'TruncatedFile'].includes(outcome(file.subarray(0, end))), `cut at ${end}`);
  }
  // A head that is lost: the footer is whole, and points at bytes that are not there.
  for (let round = 0; round < 50; round++) {
    const cut = 1 + Math.floor(random() * (footerStart(file) - 1));
    assert.ok(['TruncatedFile', 'CorruptFile'].includes(outcome(file.subarray(cut))), `head of ${cut} lost`);
  }
});

test('files of nothing but noise are no Parquet', () => {
  const random = randomOf(seed + 3);
  for (let round = 0; round < 200; round++) {
    const noise = Uint8Array.from({ length: Math.floor(random() * 300) }, () => random() * 256);
    assert.equal(outcome(noise), 'NotParquet');
    // With the magic and a length that fits, the noise is a footer.
    const length = noise.length;
    const disguised = Buffer.concat([Buffer.from('PAR1'), noise, Buffer.alloc(4), Buffer.from('PAR1')]);
    disguised.writeUInt32LE(length, 4 + length);
    assert.equal(outcome(disguised), 'CorruptFile');
  }
});

test('an announced size out of all proportion takes no memory', () => {
  const before = process.memoryUsage().rss;
  const file = fs.readFileSync(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
  const footer = footerOf(file);
  const random = randomOf(seed + 4);
  for (let round = 0; round < 30; round++) {
    const chunk = footer.rowGroups[round % 11]!.chunks[round % 5]!;
    const damaged = Uint8Array.from(file.subarray(chunk.start, chunk.start + chunk.length));
    // Bytes 2 to 6 of a page header are its sizes.
    for (let at = 2; at < 7; at++) if (random() < 0.5) damaged[at] = 255;
    const copy = Uint8Array.from(file);
    copy.set(damaged, chunk.start);
    try {
      decodeAt(copy, footer, round % 11, round % 5);
    } catch (error) {
      assert.ok(error instanceof OrdinalError && allowed.has(error.code), String(error));
    }
  }
  assert.ok(process.memoryUsage().rss - before < 1500 * 1024 * 1024);
});
