/**
 * Files of other writers are read exactly, and our files are read exactly by other readers. DuckDB is the judge: it
 * compares the foreign file with our rewriting of it, value by value, row by row and type by type.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { encodeColumn } from '../../src/parquet/encode-column.ts';
import type { Codec, Column } from '../../src/parquet/types.ts';
import { everythingQuery, Judge } from './support/duckdb.ts';
import { decodeAt, fileOf, footerOf, plainOf } from './support/files.ts';
import { arrow, peerTest, readDsnp, readHyparquet, throughArrow, throughPolars } from './support/peers.ts';

let judge: Judge;
let everything: Buffer;
/** Without the columns whose types an engine does not hold. */
let arrowFile: Buffer;
let polarsFile: Buffer;

// Two row groups, of which the second is short.
const rows = 2200;
const query = everythingQuery(rows);
/** arrow-rs drops the annotation of UUIDs, and of intervals all but one part. */
const arrowQuery = `SELECT * EXCLUDE (uid, step) FROM (${query})`;

beforeAll(async () => {
  judge = await Judge.open();
  everything = await judge.write(query, 'ROW_GROUP_SIZE 2048');
  arrowFile = await judge.write(arrowQuery, 'ROW_GROUP_SIZE 2048');
  polarsFile = await judge.write(`SELECT * EXCLUDE (step, uid, ts_ns) FROM (${query})`, 'ROW_GROUP_SIZE 2048');
});

afterAll(() => judge.close());

type Form = 'asDecoded' | 'plain';

/** Half of the codecs in either form: the two do not depend on each other. */
function formFor(codec: Codec): Form {
  return codec === 'SNAPPY' || codec === 'ZSTD' || codec === 'LZ4_RAW' ? 'plain' : 'asDecoded';
}

/** Every column decoded and encoded anew. Nullable columns stay OPTIONAL. */
function rewrite(file: Uint8Array, codec: Codec, form: Form = 'asDecoded', rowsPerPage = 131072): Uint8Array {
  const footer = footerOf(file);
  return fileOf(
    footer.leaves.map((leaf) => ({
      name: leaf.name,
      type: leaf.type,
      optional: leaf.optional,
      chunks: footer.rowGroups.map((_, g) => {
        const column = decodeAt(file, footer, g, leaf.ordinal);
        const given: Column =
          form === 'plain' ? { form: 'plain', rows: column.rows, nulls: column.nulls, ...plainOf(column) } : column;
        return encodeColumn(given, leaf.type, leaf.optional, codec, { rowsPerPage });
      }),
    })),
  );
}

async function assertRewrites(file: Uint8Array, codec: Codec = 'ZSTD', form: Form = 'asDecoded'): Promise<void> {
  assert.deepEqual(await judge.differences(file, rewrite(file, codec, form)), []);
}

for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW']) {
  for (const version of ['V1', 'V2']) {
    test(`DuckDB's ${codec} ${version} files are read exactly`, async () => {
      const options = `CODEC ${codec}, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048`;
      await assertRewrites(await judge.write(query, options));
    });
  }
}

for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW'] as const) {
  test(`DuckDB reads our ${codec} files exactly, in either form and in small pages`, async () => {
    assert.deepEqual(await judge.differences(everything, rewrite(everything, codec, 'plain')), []);
    assert.deepEqual(await judge.differences(everything, rewrite(everything, codec, 'asDecoded', 100)), []);
  });
}

const arrowEncodings = {
  PLAIN: '*',
  DELTA_BINARY_PACKED: 'required_int, i8, i16, i32, i64, u8, u16, u32, u64, few, dec4, dec9, dec18, day, tod, ts, tstz',
  DELTA_LENGTH_BYTE_ARRAY: 'text, unique_text, empty_text, blob',
  DELTA_BYTE_ARRAY: 'text, unique_text, empty_text, blob',
  BYTE_STREAM_SPLIT: 'i32, i64, u32, few, f32, f64, dec9, dec18, ts',
  RLE: 'bool',
} as const;

for (const [encoding, columns] of Object.entries(arrowEncodings)) {
  for (const version of ['V1', 'V2'] as const) {
    peerTest(`arrow-rs's ${encoding} ${version} pages are read exactly`, async () => {
      const source = await judge.write(`SELECT ${columns} FROM (${arrowQuery})`);
      const file = throughArrow(source, (builder) =>
        builder
          .setDictionaryEnabled(false)
          .setEncoding(arrow.Encoding[encoding as keyof typeof arrowEncodings])
          .setCompression(arrow.Compression.SNAPPY)
          .setDataPageSizeLimit(4000)
          .setWriteBatchSize(500)
          .setWriterVersion(arrow.WriterVersion[version]),
      );
      const used = footerOf(file).rowGroups[0]!.chunks[0]!.encodings;
      assert.ok(used.includes(encoding as keyof typeof arrowEncodings), `arrow-rs wrote ${used}`);
      assert.deepEqual(await judge.differences(source, rewrite(file, 'ZSTD')), []);
    });
  }
}

peerTest('chunks that fall back from a dictionary to PLAIN midway are read exactly', async () => {
  const source = await judge.write(arrowQuery);
  for (const version of [arrow.WriterVersion.V1, arrow.WriterVersion.V2]) {
    const file = throughArrow(source, (builder) =>
      builder
        .setDictionaryPageSizeLimit(2000)
        .setDataPageSizeLimit(2000)
        .setWriteBatchSize(256)
        .setCompression(arrow.Compression.ZSTD)
        .setWriterVersion(version),
    );
    const footer = footerOf(file);
    const forms = new Set(footer.leaves.map((leaf) => decodeAt(file, footer, 0, leaf.ordinal).form));
    assert.deepEqual([...forms].sort(), ['dictionary', 'plain']);
    await assertRewrites(file);
    assert.deepEqual(await judge.differences(source, rewrite(file, 'ZSTD')), []);
  }
});

for (const codec of ['SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4_RAW', 'LZ4'] as const) {
  peerTest(`arrow-rs's ${codec} files are read exactly`, async () => {
    const file = throughArrow(arrowFile, (builder) => builder.setCompression(arrow.Compression[codec]));
    assert.equal(footerOf(file).rowGroups[0]!.chunks[0]!.codec, codec);
    assert.deepEqual(await judge.differences(arrowFile, rewrite(file, 'ZSTD')), []);
  });
}

for (const codec of ['uncompressed', 'snappy', 'gzip', 'brotli', 'lz4', 'zstd'] as const) {
  peerTest(`Polars' ${codec} files are read exactly`, async () => {
    await assertRewrites(throughPolars(polarsFile, codec));
  });
}

peerTest('arrow-rs reads our files exactly', async () => {
  for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'] as const) {
    const theirs = throughArrow(rewrite(arrowFile, codec, formFor(codec), 1000));
    assert.deepEqual(await judge.differences(arrowFile, theirs), []);
  }
});

peerTest('Polars reads our files exactly', async () => {
  const expected = throughPolars(polarsFile);
  for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW'] as const) {
    const theirs = throughPolars(rewrite(polarsFile, codec, formFor(codec), 1000));
    assert.deepEqual(await judge.differences(expected, theirs), []);
  }
});

test('hyparquet reads our files as it reads the originals', async () => {
  // hyparquet refuses intervals.
  const source = await judge.write(`SELECT * EXCLUDE (step) FROM (${query})`, 'ROW_GROUP_SIZE 2048');
  const expected = await readHyparquet(source);
  assert.equal(expected.length, rows);
  for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'] as const) {
    assert.deepEqual(await readHyparquet(rewrite(source, codec, formFor(codec), 1000)), expected);
  }
});

peerTest('@dsnp/parquetjs reads our files as it reads the originals', async () => {
  const columns = 'required_int, bool, i8, i32, i64, few, f64, text, unique_text, empty_text, blob, day, tstz, nothing';
  const source = await judge.write(`SELECT ${columns} FROM (${query})`, 'CODEC snappy');
  const expected = await readDsnp(source);
  assert.equal(expected.length, rows);
  for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI'] as const) {
    assert.deepEqual(await readDsnp(rewrite(source, codec, formFor(codec))), expected);
  }
});
