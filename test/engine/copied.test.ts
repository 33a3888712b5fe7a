/**
 * Chunks that go through without being decoded are proven first: what a reader of the output could not read is refused,
 * with blob, row group and column, and with the row where one is to blame. `trust: true` leaves the proof out.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { encodeDictionaryChunk, encodePlain } from '../../src/parquet/encode.ts';
import { pageHeader } from '../../src/parquet/pages.ts';
import type { ColumnType, EncodedChunk, Encoding, Values } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { chunkBytes, footerOf } from '../parquet/support/files.ts';
import { fileWith, refusal, run } from './support/passing.ts';
import { DuckReader } from './support/reader.ts';
import { poolValues } from './support/sources.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const rows = 20_000;

/** A chunk of one uncompressed V1 page with this body, behind a dictionary page where there is one. */
function chunkOf(
  encoding: Encoding,
  body: Uint8Array,
  numValues: number,
  dictionary?: { entries: number; body: Uint8Array },
): EncodedChunk {
  const page = (kind: 'v1' | 'dictionary', numValues: number, encoding: Encoding, body: Uint8Array) => [
    pageHeader({ kind, numValues, encoding, uncompressedLength: body.length }, body.length),
    body,
  ];
  const head = dictionary ? page('dictionary', dictionary.entries, 'PLAIN', dictionary.body) : [];
  const dataStart = head.reduce((sum, part) => sum + part.length, 0);
  const parts = [...head, ...page('v1', numValues, encoding, body)];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return {
    parts,
    meta: {
      codec: 'UNCOMPRESSED',
      encodings: [encoding, 'RLE', 'PLAIN'],
      numValues,
      length,
      uncompressedLength: length,
      dataPageOffset: dataStart,
      ...(dictionary && { dictionaryPageOffset: 0 }),
    },
  };
}

const bytesOfAll = (values: readonly Uint8Array[]) =>
  Buffer.concat(
    values.flatMap((value) => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(value.length);
      return [prefix, value];
    }),
  );
const utf8 = (value: string) => new Uint8Array(Buffer.from(value));
const many = (value: (row: number) => Uint8Array) => Array.from({ length: rows }, (_, row) => value(row));
const oneRun = (value: number) =>
  Uint8Array.of(8, ((rows << 1) & 0x7f) | 0x80, (((rows << 1) >> 7) & 0x7f) | 0x80, rows >> 13, value);

const damaged: Record<string, { type: ColumnType; schema: z.ZodType; chunk: EncodedChunk; message: RegExp }> = {
  'an index beyond the dictionary, in a run': {
    type: text,
    schema: z.string(),
    chunk: chunkOf('RLE_DICTIONARY', oneRun(7), rows, { entries: 1, body: bytesOfAll([utf8('x')]) }),
    message: /index beyond its dictionary of 1 entries/,
  },
  'an index beyond the dictionary, packed': {
    type: { physical: 'INT32' },
    schema: z.bigint(),
    // Groups of eight two-bit indices, of which the last is 3.
    chunk: chunkOf(
      'RLE_DICTIONARY',
      Uint8Array.of(
        2,
        (((rows / 8) << 1) & 0x7f) | 0x81,
        ((rows / 8) << 1) >> 7,
        ...new Uint8Array(rows / 4 - 1),
        0xc0,
      ),
      rows,
      { entries: 3, body: new Uint8Array(12) },
    ),
    message: /index beyond its dictionary of 3 entries/,
  },
  'a page that ends too soon': {
    type: { physical: 'DOUBLE' },
    schema: z.any(),
    chunk: chunkOf('PLAIN', new Uint8Array(8 * rows - 1), rows),
    message: /20000 values of 8 bytes in 159999 bytes/,
  },
  'a byte array longer than its page': {
    type: text,
    schema: z.string(),
    chunk: chunkOf('PLAIN', bytesOfAll(many(() => utf8('x'))).fill(200, 5 * rows - 5, 5 * rows - 4), rows),
    message: /a byte array of 200 bytes runs past the end/,
  },
  'split values with bytes behind them': {
    type: { physical: 'DOUBLE' },
    schema: z.any(),
    chunk: chunkOf('BYTE_STREAM_SPLIT', new Uint8Array(8 * rows + 8), rows),
    message: /20000 split values of 8 bytes in 160008 bytes/,
  },
  'an encoding that does not fit the type': {
    type: { physical: 'DOUBLE' },
    schema: z.any(),
    chunk: chunkOf('DELTA_BINARY_PACKED', new Uint8Array(8), rows),
    message: /DELTA_BINARY_PACKED pages in a column of DOUBLE/,
  },
};

test.each(Object.entries(damaged))(
  '%s is refused where it would be copied',
  async (_, { type, schema, chunk, message }) => {
    const error = await refusal(fileWith(type, false, chunk), schema);
    assert.equal(error.code, 'CorruptFile');
    assert.match(error.message, message);
  },
);

test('split values with bytes behind them are refused where they are decoded, too', async () => {
  const { type, chunk, message } = damaged['split values with bytes behind them']!;
  const error = await refusal(fileWith(type, false, chunk), z.number());
  assert.deepEqual([error.code, message.test(error.message)], ['CorruptFile', true]);
});

test('a null count that is not the number of nulls is refused, copied or decoded', async () => {
  const valid = Uint8Array.from({ length: rows }, (_, i) => (i % 2000 === 0 ? 0 : 1));
  const values: Values = { kind: 'int64', length: rows, data: new BigInt64Array(rows) };
  const type: ColumnType = { physical: 'INT64' };
  const chunk = encodePlain(type, true, values, valid, 'ZSTD', { statistics: { nullCount: 0 } });
  for (const schema of [z.bigint().nullable(), z.bigint(), z.bigint().max(5n).nullable()]) {
    const { code, message } = await refusal(fileWith(type, true, chunk), schema);
    assert.deepEqual([code, /10 nulls that declares 0/.test(message)], ['CorruptFile', true]);
  }
});

// An é of which one value has the first byte and the next the second: together they are UTF-8.
const torn = (row: number) => (row === 17 ? Uint8Array.of(0x41, 0xc3) : row === 18 ? Uint8Array.of(0xa9) : utf8('né'));
const long = (row: number) => (row === 17 ? Uint8Array.of(...utf8('y'.repeat(150)), 0xff) : utf8('ß'.repeat(100)));

test.each([
  ['short values', torn],
  ['long values', long],
] as const)('text that is not UTF-8 is refused with its row: PLAIN, %s', async (_, value) => {
  for (const encoding of ['PLAIN', 'DELTA_LENGTH_BYTE_ARRAY'] as const) {
    const chunk =
      encoding === 'PLAIN'
        ? chunkOf(encoding, bytesOfAll(many(value)), rows)
        : chunkOf(encoding, deltaLength(many(value)), rows);
    for (const kind of ['string', 'enum', 'json'] as const) {
      const type: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind } };
      for (const schema of [z.string(), z.any()]) {
        const error = await refusal(fileWith(type, false, chunk), schema);
        assert.deepEqual([error.code, error.where?.row], ['InvalidValue', 17], encoding);
        assert.match(error.message, /it is not UTF-8 text/);
      }
    }
    // Without an annotation bytes are bytes.
    await run(fileWith({ physical: 'BYTE_ARRAY' }, false, chunk), z.instanceof(Uint8Array));
  }
});

/** DELTA_LENGTH_BYTE_ARRAY: lengths in blocks of 128 with one miniblock of 32-bit differences, then the bytes. */
function deltaLength(values: readonly Uint8Array[]): Uint8Array {
  const out: number[] = [];
  const varint = (value: number) => {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    out.push(rest);
  };
  varint(128);
  varint(1);
  varint(values.length);
  varint(2 * values[0]!.length);
  for (let from = 1; from < values.length; from += 128) {
    out.push(0, 32);
    for (let k = from; k < from + 128; k++) {
      const difference = k < values.length ? values[k]!.length - values[k - 1]!.length : 0;
      for (let b = 0; b < 4; b++) out.push((difference >> (8 * b)) & 255);
    }
  }
  return Buffer.concat([Uint8Array.from(out), ...values]);
}

/** A dictionary of three entries, the last of them no text; rows use the first `used` of them. */
function dictionaryChunk(used: number): EncodedChunk {
  const pool = poolValues({ physical: 'BYTE_ARRAY' }, [utf8('a'), utf8('é'), Uint8Array.of(0xc3, 0x28)]);
  const indices = Int32Array.from({ length: rows }, (_, row) => row % used);
  return encodeDictionaryChunk(pool, indices, { physical: 'BYTE_ARRAY' }, false, 'SNAPPY');
}

test('a dictionary entry that is not UTF-8 is refused with the first row that uses it', async () => {
  const error = await refusal(fileWith(text, false, dictionaryChunk(3)), z.string());
  assert.deepEqual([error.code, error.where?.row], ['InvalidValue', 2]);
});

test.each([z.string(), z.string().min(1), z.any()])('one that no row uses gets into no output', async (schema) => {
  for (const settings of [{}, { onInvalid: 'quarantine' }] as const) {
    const engine = await run(fileWith(text, false, dictionaryChunk(2)), schema, settings);
    // DuckDB refuses a file whose dictionary has such an entry.
    const read = await duck.read(engine.published('all')[0]!.bytes);
    assert.deepEqual(
      read.rows.slice(0, 3).map((row) => row[1]),
      ['a', 'é', 'a'],
    );
  }
});

test('text that is not UTF-8 is set aside where invalid rows are, whether a schema looks at it or not', async () => {
  for (const schema of [z.string(), z.any(), z.string().min(1)]) {
    const file = fileWith(text, false, chunkOf('PLAIN', bytesOfAll(many(torn)), rows));
    const engine = await run(file, schema, { onInvalid: 'quarantine' });
    const read = await duck.read(engine.published('all')[0]!.bytes);
    assert.equal(read.rows.length, rows - 2);
    assert.deepEqual([read.rows[16]![2], read.rows[17]![2]], ['16', '19']);
  }
});

test('a pipeline that trusts its source copies what it does not read, as it is', async () => {
  const file = fileWith(text, false, chunkOf('PLAIN', bytesOfAll(many(torn)), rows));
  const engine = await run(file, z.string(), { trust: true });
  const published = engine.published('all')[0]!.bytes;
  const [ours, theirs] = [published, file].map((bytes) => {
    const { leaves, rowGroups } = footerOf(bytes);
    return chunkBytes(bytes, rowGroups[0]!.chunks[leaves.findIndex(({ name }) => name === 'a')]!);
  });
  assert.equal(Buffer.compare(ours!, theirs!), 0);
});

test('what `trust` may be', () => {
  const given = { name: 'p', source: { container: 'landing', prefix: 'in/' }, row: z.object({ a: z.any() }) };
  const entities = ({ id }: Record<'id', (...args: unknown[]) => unknown>) => ({
    all: { kind: 'rows', id: id('row_id'), columns: { a: 'a' } },
  });
  const compiled = (trust?: unknown) => compile({ ...given, entities, ...(trust !== undefined && { trust }) } as never);
  assert.equal(compiled(true).trust, true);
  assert.equal(compiled(false).trust, undefined);
  // It changes nothing about what is written, so no run becomes another pipeline's.
  assert.equal(compiled(true).hash, compiled().hash);
  assert.throws(() => compiled('yes'), { code: 'InvalidPipeline', message: /trust: 'yes' is not an option/ });
});
