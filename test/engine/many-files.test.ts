/**
 * Many small files: what is published of them does not show how they were cut; their row groups are joined; whatever is
 * wrong is said of the one file that it is wrong in; and requests stay within a budget.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { planSchema } from '../../src/documents/documents.ts';
import { OrdinalError } from '../../src/errors.ts';
import { encodePlain } from '../../src/parquet/encode.ts';
import { encodeColumn } from '../../src/parquet/encode-column.ts';
import type { Codec, ColumnType, EncodedChunk, Values } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { readJson } from '../../src/storage/json.ts';
import { work } from '../../src/storage/names.ts';
import type { BlobStore } from '../../src/storage/store.ts';
import { fileOf, footerOf } from '../parquet/support/files.ts';
import { checkFooter } from '../support/footer-oracle.ts';
import { underLimits } from '../support/limits.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { type DriveOptions, Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';
import { poolValues } from './support/sources.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int32: ColumnType = { physical: 'INT32' };
const int64: ColumnType = { physical: 'INT64' };
const double: ColumnType = { physical: 'DOUBLE' };

const definition = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({
      key: z.string().max(9),
      n: z.int().max(1_000_000),
      d: z.number(),
      note: z.string().nullable(),
    }),
    entities: ({ id, ref, compute }) => ({
      keys: { kind: 'keyed', id: id('key_id'), key: { key: 'key' } },
      all: {
        kind: 'rows',
        id: id('row_id'),
        columns: {
          key_id: ref('keys', { key: 'key' }),
          n: 'n',
          d: 'd',
          note: 'note',
          even: compute(['n'], (n) => n % 2 === 0, type.boolean),
        },
      },
    }),
  }),
);

interface FileOptions {
  codec?: Codec;
  /** The type of `n` in this file. */
  wide?: boolean;
  /** The columns from the last to the first. */
  turned?: boolean;
  /** `note` is all null, and of another type. */
  noNotes?: boolean;
  /** Strings in dictionaries or not. */
  plain?: boolean;
}

/** Rows [from, from + rows) of the feed as one file of one row group. */
function file(from: number, rows: number, options: FileOptions = {}): Uint8Array {
  const { codec = 'SNAPPY', wide, turned, noNotes, plain } = options;
  const at = Array.from({ length: rows }, (_, i) => from + i);
  const strings = (of: (row: number) => string): EncodedChunk => {
    const values = poolValues(text, at.map(of));
    return plain
      ? encodePlain(text, false, values, undefined, codec)
      : encodeColumn({ form: 'plain', rows, nulls: 0, values, valid: undefined }, text, false, codec);
  };
  const numbers: Values = wide
    ? { kind: 'int64', length: rows, data: BigInt64Array.from(at, (row) => BigInt(row)) }
    : { kind: 'int32', length: rows, data: Int32Array.from(at) };
  const doubles: Values = { kind: 'double', length: rows, data: Float64Array.from(at, (row) => row / 7) };
  const valid = Uint8Array.from(at, (row) => (row % 3 === 0 ? 1 : 0));
  const notes = poolValues(
    text,
    at.map((row) => (row % 3 === 0 ? `note ${row % 5}` : '')),
  );
  const nothing: Values = { kind: 'int32', length: rows, data: new Int32Array(rows) };
  const columns = [
    { name: 'key', type: text, optional: false, chunks: [strings((row) => `k${row % 37}`)] },
    {
      name: 'n',
      type: wide ? int64 : int32,
      optional: false,
      chunks: [encodePlain(wide ? int64 : int32, false, numbers, undefined, codec)],
    },
    { name: 'd', type: double, optional: false, chunks: [encodePlain(double, false, doubles, undefined, codec)] },
    noNotes
      ? {
          name: 'note',
          type: int32,
          optional: true,
          chunks: [encodePlain(int32, true, nothing, new Uint8Array(rows), codec)],
        }
      : { name: 'note', type: text, optional: true, chunks: [encodePlain(text, true, notes, valid, codec)] },
  ];
  return fileOf(turned ? columns.reverse() : columns);
}

const nameOf = (f: number) => `in/${String(f).padStart(5, '0')}.parquet`;

async function engineOf(files: readonly Uint8Array[], options: DriveOptions = {}, store = new MemoryStore()) {
  const engine = new Engine(definition, { batchRows: 600_000, ...options }, store);
  for (const [f, bytes] of files.entries()) await engine.upload(nameOf(f), bytes);
  return engine;
}

/** The rows of `all` as DuckDB reads them, keys in place of their IDs. */
async function rowsOf(engine: Engine): Promise<(string | null)[][]> {
  const keys = new Map<string, string>();
  for (const { bytes } of engine.published('keys')) {
    for (const [id, key] of (await duck.read(bytes)).rows) keys.set(id!, key!);
  }
  const rows: (string | null)[][] = [];
  for (const { name, bytes } of engine.published('all')) {
    await checkFooter(bytes, name);
    for (const [id, key, ...rest] of (await duck.read(bytes)).rows) rows.push([id!, keys.get(key!)!, ...rest]);
  }
  return rows;
}

function expectedRow(row: number, note: boolean): (string | null)[] {
  const shown = note && row % 3 === 0 ? `note ${row % 5}` : null;
  return [String(row + 1), `k${row % 37}`, String(row), String(row / 7), shown, String(row % 2 === 0)];
}

async function failure(work: Promise<unknown>): Promise<OrdinalError> {
  const thrown = await work.then(
    () => assert.fail('it went through'),
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof OrdinalError, String(thrown));
  return thrown;
}

describe('many small files', () => {
  const each = 1000;
  const files = Array.from({ length: 250 }, (_, f) => file(f * each, each));

  test('their row groups are joined to sensible ones, and every row is there in order', async () => {
    const engine = await engineOf(files);
    const plan = await engine.run('r');
    assert.equal(plan.batches, 1);
    const [published, ...others] = engine.published('all');
    assert.equal(others.length, 0);
    const groups = footerOf(published!.bytes).rowGroups.map(({ rows }) => rows);
    assert.deepEqual(groups, [131_000, 119_000]);
    const rows = await rowsOf(engine);
    assert.equal(rows.length, 250_000);
    for (const row of [0, 999, 1000, 130_999, 131_000, 249_999]) assert.deepEqual(rows[row], expectedRow(row, true));
    assert.ok(rows.every((row, r) => row[2] === String(r) && row[1] === `k${r % 37}`));
  });

  test('pages without a dictionary are joined as they are', async () => {
    const engine = await engineOf(files.slice(0, 30));
    await engine.run('r');
    const { bytes } = engine.published('all')[0]!;
    const { leaves, rowGroups } = footerOf(bytes);
    const chunk = rowGroups[0]!.chunks[leaves.findIndex(({ name }) => name === 'd')]!;
    const source = footerOf(files[7]!).rowGroups[0]!.chunks[2]!;
    const pages = Buffer.from(bytes).subarray(chunk.start, chunk.start + chunk.length);
    const own = Buffer.from(files[7]!).subarray(source.start, source.start + source.length);
    assert.ok(pages.includes(own), 'a source page stands in the output byte for byte');
    assert.deepEqual(chunk.pageEncodings, [{ page: 'v1', encoding: 'PLAIN', count: 30 }]);
  });

  test('how the work is cut and in which order it is done shows in no row, and repeating it in no byte', async () => {
    const small = files.slice(0, 60);
    const whole = await engineOf(small);
    await whole.run('r');
    const wanted = await rowsOf(whole);
    const cut = await engineOf(small, { batchRows: 7_500, order: (batches) => batches.toReversed(), executions: 2 });
    assert.equal((await cut.run('r')).batches, 9);
    assert.deepEqual(await rowsOf(cut), wanted);
    const again = await engineOf(small, { batchRows: 7_500 });
    await again.run('r');
    assert.deepEqual(again.published('all'), cut.published('all'));
    assert.deepEqual(again.published('keys'), cut.published('keys'));
  });

  test('files may differ in types, order of columns, codecs, encodings, and in columns of nulls alone', async () => {
    const shapes: FileOptions[] = [
      { wide: true },
      { turned: true, noNotes: true },
      { codec: 'ZSTD', plain: true },
      { codec: 'UNCOMPRESSED', turned: true },
      { noNotes: true, plain: true, codec: 'GZIP' },
      { plain: true, wide: true },
    ];
    const mixed = Array.from({ length: 24 }, (_, f) => file(f * 500, 500, shapes[f % shapes.length]));
    const engine = await engineOf(mixed);
    await engine.run('r');
    const rows = await rowsOf(engine);
    const wanted = Array.from({ length: 12_000 }, (_, row) =>
      expectedRow(row, !shapes[Math.floor(row / 500) % shapes.length]!.noNotes),
    );
    assert.deepEqual(rows, wanted);
  });

  test('a column that its footer calls null and that holds values is refused by name', async () => {
    const values: Values = { kind: 'int32', length: 500, data: new Int32Array(500).fill(5) };
    const chunk = encodePlain(int32, true, values, undefined, 'SNAPPY');
    const lying = { ...chunk, meta: { ...chunk.meta, statistics: { nullCount: 500 } } };
    const bytes = file(500, 500, { noNotes: true });
    const footer = footerOf(bytes);
    const liar = fileOf(
      footer.leaves.map(({ name, type, optional }, c) => {
        const meta = footer.rowGroups[0]!.chunks[c]!;
        const start = (offset: number) => offset - meta.start;
        const copy: EncodedChunk = {
          parts: [bytes.subarray(meta.start, meta.start + meta.length)],
          meta: {
            ...meta,
            dataPageOffset: start(meta.dataPageOffset),
            ...(meta.dictionaryPageOffset !== undefined && { dictionaryPageOffset: start(meta.dictionaryPageOffset) }),
          },
        };
        return { name, type, optional, chunks: [name === 'note' ? lying : copy] };
      }),
    );
    const engine = await engineOf([file(0, 500), liar, file(1000, 500)]);
    const { code, where } = await failure(engine.run('r'));
    assert.deepEqual([code, where?.blob, where?.column], ['CorruptFile', nameOf(1), 'note']);
  });
});

describe('what is wrong is said of its own file', () => {
  const each = 400;
  const files = Array.from({ length: 50 }, (_, f) => file(f * each, each));

  test('a refused row names its file and the row in it', async () => {
    const bad = files.with(17, file(1_000_000 - 250, each));
    const { code, where } = await failure((await engineOf(bad)).run('r'));
    assert.deepEqual([code, where], ['InvalidValue', { blob: nameOf(17), rowGroup: 0, row: 251, column: 'n' }]);
  });

  test('a damaged page, a damaged footer and a file that is none name the file', async () => {
    const page = new Uint8Array(files[23]!);
    const chunk = footerOf(page).rowGroups[0]!.chunks[0]!;
    page.fill(0xff, chunk.start, chunk.start + 40);
    const damaged = await failure((await engineOf(files.with(23, page))).run('r'));
    assert.equal(damaged.where?.blob, nameOf(23));
    const footer = new Uint8Array(files[31]!);
    footer.fill(0xff, footer.length - 60, footer.length - 20);
    const broken = await failure((await engineOf(files.with(31, footer))).run('r'));
    assert.equal(broken.where?.blob, nameOf(31));
    const none = await failure((await engineOf(files.with(5, new Uint8Array(100)))).run('r'));
    assert.deepEqual([none.code, none.where?.blob], ['NotParquet', nameOf(5)]);
  });

  for (const change of ['replaced', 'deleted'] as const) {
    test(`a file that is ${change} after the plan fails the run by its name, and nothing is published`, async () => {
      const engine = await engineOf(files);
      await engine.plan('r');
      if (change === 'deleted') await engine.store.remove('landing', nameOf(41));
      else await engine.store.write('landing', nameOf(41), files[40]!);
      const { code, where } = await failure(engine.run('r'));
      assert.deepEqual([code, where?.blob], ['SourceChanged', nameOf(41)]);
      assert.deepEqual(engine.store.names('published'), []);
    });
  }
});

describe('plans of more files than one document lists', () => {
  const files = Array.from({ length: 53 }, (_, f) => file(f * 40, 40, f % 4 === 1 ? { wide: true } : {}));
  const tight = { filesPerDocumentMax: 10, batchFilesMax: 20, readAheadFilesMax: 3 };

  test('the listing is written down, footers are read by several activities, and the rows are the same', async () => {
    const plain = await engineOf(files);
    await plain.run('r');
    const engine = await engineOf(files, { batchRows: 300 });
    await underLimits(tight, () => engine.run('r'));
    const names = engine.store.names('work', 'runs/r/1/');
    assert.equal(names.filter((name) => name.includes('/listing/')).length, 6);
    assert.equal(names.filter((name) => name.includes('/files/')).length, 6);
    const plan = await readJson(engine.store, 'work', work.plan({ runId: 'r', life: 1 }), planSchema);
    assert.equal(plan!.files.count, 53);
    assert.ok(plan!.batches.every((batch) => batch.files <= 20 && batch.rows <= 300));
    assert.deepEqual(await rowsOf(engine), await rowsOf(plain));
  });

  test('a damaged footer among them is named by the activity that reads it', async () => {
    const engine = await engineOf(files.with(38, new Uint8Array(50)));
    const { where } = await failure(underLimits(tight, () => engine.run('r')));
    assert.equal(where?.blob, nameOf(38));
  });

  test('too many files are refused before any footer is read', async () => {
    const engine = await engineOf(files);
    const { code } = await failure(underLimits({ sourceBlobsMax: 52 }, () => engine.run('r')));
    assert.equal(code, 'LimitExceeded');
    assert.equal(engine.store.reads.filter(({ container }) => container === 'landing').length, 0);
  });
});

/** Counts the calls that would be requests. */
function counting(store: MemoryStore): { store: MemoryStore; requests: Map<string, number> } {
  const requests = new Map<string, number>();
  const methods: (keyof BlobStore)[] = ['list', 'head', 'read', 'readVersion', 'write', 'stageBlock', 'commitBlocks'];
  for (const method of [...methods, 'remove' as const]) {
    const own = (store[method] as (...args: unknown[]) => unknown).bind(store);
    const counted = (container: string, ...rest: unknown[]) => {
      const key = `${container} ${method}`;
      requests.set(key, (requests.get(key) ?? 0) + 1);
      return own(container, ...rest);
    };
    Object.defineProperty(store, method, { value: counted });
  }
  return { store, requests };
}

test('requests: two reads a small file, and a fifth of all other kinds', async () => {
  const files = Array.from({ length: 600 }, (_, f) => file(f * 600, 600));
  const { store, requests } = counting(new MemoryStore());
  const engine = await engineOf(files, {}, store);
  requests.clear();
  await engine.run('r');
  assert.equal(engine.published('all').length, 1);
  const source = requests.get('landing read') ?? 0;
  assert.equal(source, 2 * files.length);
  const others = [...requests].reduce((sum, [, count]) => sum + count, 0) - source;
  assert.ok(others <= 0.2 * files.length, `${others} other requests: ${JSON.stringify([...requests])}`);
  // What one phase hands to the next is read once by a process, and all together are a small part of the source.
  const handed = /\/(files|listing|split|resolved|sealed|published)\//;
  const documents = store.reads.filter(({ container, name }) => container === 'work' && handed.test(name));
  const places = documents.map(({ name, offset, length }) => `${name} ${offset} ${length}`);
  const repeated = places.filter((place, p) => places.indexOf(place) < p);
  assert.deepEqual(repeated, []);
  const written = store.names('work').reduce((sum, name) => sum + store.bytes('work', name).length, 0);
  const sourceBytes = files.reduce((sum, bytes) => sum + bytes.length, 0);
  assert.ok(written < 0.05 * sourceBytes, `${written} bytes of documents for ${sourceBytes} of the source`);
});

test('requests of the short way: one read a small file, and few others; no documents but the plan and the listing', async () => {
  const files = Array.from({ length: 600 }, (_, f) => file(f * 600, 600));
  const { store, requests } = counting(new MemoryStore());
  const engine = await engineOf(files, { short: true }, store);
  requests.clear();
  await engine.run('r');
  const source = requests.get('landing read') ?? 0;
  assert.equal(source, files.length);
  const others = [...requests].reduce((sum, [, count]) => sum + count, 0) - source;
  assert.ok(others <= 60, `${others} other requests: ${JSON.stringify([...requests])}`);
  const left = store.names('work', 'runs/');
  assert.ok(
    left.every((name) => /\/(plan\.json|files\/|tasks\.json)/.test(name)),
    String(left),
  );
});

test('a file of a short run that is replaced before a phase is made again fails the run by its name', async () => {
  const files = Array.from({ length: 20 }, (_, f) => file(f * 40, 40));
  for (const forget of ['resolve', 'publish'] as const) {
    const engine = await engineOf(files, { short: true, forget });
    const read = engine.store.read.bind(engine.store);
    const before = engine.environment;
    engine.store.read = async (container, name, range) => {
      // The process that planned has its sources in memory; the next one reads them again.
      const changed = engine.environment !== before && name === nameOf(7) && container === 'landing';
      if (changed) await engine.store.write('landing', nameOf(7), files[8]!);
      return await read(container, name, range);
    };
    const { code, where } = await failure(engine.run('r'));
    assert.deepEqual([code, where?.blob], ['SourceChanged', nameOf(7)]);
    assert.deepEqual(engine.published('all'), []);
  }
});

test('a chunk that is a dictionary here and plain there is one column', async () => {
  const files = [file(0, 500), file(500, 500, { plain: true }), file(1000, 500)];
  const engine = await engineOf(files);
  await engine.run('r');
  assert.deepEqual(
    await rowsOf(engine),
    Array.from({ length: 1500 }, (_, row) => expectedRow(row, true)),
  );
});
