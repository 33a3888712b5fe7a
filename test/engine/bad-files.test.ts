/**
 * `onBadFile: 'set-aside'`: a burst with bad files publishes the good ones, names the bad ones, and `verify` agrees. What
 * is published is what DuckDB reads of the good files alone.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { manifestSchema } from '../../src/documents/manifest.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import type { OrdinalError } from '../../src/errors.ts';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { requireJson } from '../../src/storage/json.ts';
import { readKeyBook, States, verifyRun } from '../../src/verify/verify.ts';
import { type DriveOptions, Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

type Words = Record<string, (...given: unknown[]) => unknown>;

function pipelineOf(more: object) {
  return compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ n: z.int(), who: z.string().min(1), memo: z.string().optional() }),
    entities: ({ id, ref }: Words) => ({
      people: { kind: 'keyed', id: id!('person_id'), key: { name: 'who' } },
      lines: {
        kind: 'rows',
        id: id!('line_id'),
        columns: { n: 'n', person_id: ref!('people', { name: 'who' }), memo: 'memo' },
      },
    }),
    ...more,
  } as never);
}

const setAside = { onBadFile: 'set-aside', maxBadFiles: 0.7 };

async function engineOver(more: object, files: Uint8Array[], options: DriveOptions = {}): Promise<Engine> {
  const engine = new Engine(pipelineOf(more), options);
  for (const [f, file] of files.entries()) await engine.upload(`in/${String(f).padStart(3, '0')}.parquet`, file);
  return engine;
}

const good = (from: number, rows: number, options?: string) =>
  duck.write(`SELECT i::INT AS n, 'w' || (i % 7) AS who FROM range(${from}, ${from + rows}) t(i)`, options);

/** The file with a byte of its last chunk's pages turned over; the footer stays whole. */
function damaged(file: Uint8Array): Uint8Array {
  const meta = parseFooter(file, file.length, 'f');
  const { start, length } = meta.rowGroups.at(-1)!.chunks.at(-1)!;
  const out = new Uint8Array(file);
  out.fill(0xff, start, start + Math.min(length, 24));
  return out;
}

async function published(engine: Engine): Promise<{ n: string; who: string; id: string }[]> {
  const names = new Map<string, string>();
  for (const { bytes } of engine.published('people')) {
    for (const [id, name] of (await duck.read(bytes)).rows) names.set(id!, name!);
  }
  const rows = [];
  for (const { bytes } of engine.published('lines')) {
    for (const [id, n, person] of (await duck.read(bytes)).rows)
      rows.push({ n: n!, who: names.get(person!)!, id: id! });
  }
  return rows;
}

async function manifestOf(engine: Engine) {
  return await requireJson(engine.store, 'published', 'p/_manifests/r.json', manifestSchema);
}

/** What `verify` finds, and how many rows it compared. */
async function findingsOf(engine: Engine): Promise<[unknown[], number | null]> {
  const all = await publishedManifests(engine.environment);
  const book = await readKeyBook(engine.environment, all);
  const states = new States(engine.environment, all);
  const { findings, compared } = await verifyRun(engine.environment, await manifestOf(engine), all, book, { states });
  return [findings, compared];
}

test('bad files are set aside by name and reason, and all rows of the good ones are published', async () => {
  const files = [
    await good(0, 50),
    new Uint8Array(0),
    await good(100, 50, 'CODEC zstd'),
    new TextEncoder().encode('this is no Parquet file at all, but a text that somebody put here'),
    await duck.write("SELECT 1::INT AS n, 'x' AS whom"),
    await duck.write("SELECT 'one' AS n, 'x' AS who"),
    damaged(await good(200, 50)),
    await good(300, 20),
    (await good(400, 20)).subarray(0, 300),
  ];
  for (const batchRows of [250_000, 64, 10]) {
    const engine = await engineOver(setAside, files, { batchRows, executions: 2 });
    await engine.run('r');
    const expected = [0, 100, 300].flatMap((from) =>
      Array.from({ length: from === 300 ? 20 : 50 }, (_, i) => from + i),
    );
    assert.deepEqual(
      await published(engine),
      expected.map((n, i) => ({ n: String(n), who: `w${n % 7}`, id: String(i + 1) })),
    );
    const manifest = await manifestOf(engine);
    assert.deepEqual(
      manifest.setAside!.map(({ blob, code }) => [blob, code]),
      [
        ['in/001.parquet', 'NotParquet'],
        ['in/003.parquet', 'NotParquet'],
        ['in/004.parquet', 'MissingColumn'],
        ['in/005.parquet', 'ColumnTypeMismatch'],
        ['in/006.parquet', 'CorruptFile'],
        ['in/008.parquet', 'NotParquet'],
      ],
    );
    assert.match(manifest.setAside![2]!.reason, /column "who" is missing; the file has n, whom/);
    assert.deepEqual(
      manifest.inputs.map(({ blob }) => blob),
      ['in/000.parquet', 'in/002.parquet', 'in/007.parquet'],
    );
    assert.equal(manifest.source.rows, 120);
    assert.deepEqual(await findingsOf(engine), [[], 120]);
  }
});

test('more bad files than allowed fail the run, and the first is named: at the plan, and when pages are read', async () => {
  const refused = async (more: object, files: Uint8Array[]): Promise<OrdinalError> => {
    const engine = await engineOver(more, files);
    return await engine.run('r').then(
      () => assert.fail('the run went through'),
      (thrown: OrdinalError) => thrown,
    );
  };
  const footer = await refused({ ...setAside, maxBadFiles: 0.3 }, [await good(0, 5), new Uint8Array(9)]);
  assert.deepEqual([footer.code, footer.where?.blob], ['TooManyBadFiles', 'in/001.parquet']);
  assert.match(footer.message, /^1 of 2 files cannot be used, and 0 may be set aside; the first: NotParquet/);
  const pages = await refused({ ...setAside, maxBadFiles: 0.3 }, [await good(0, 5), damaged(await good(9, 50))]);
  assert.deepEqual([pages.code, pages.where?.blob], ['TooManyBadFiles', 'in/001.parquet']);
  const byDefault = await refused({}, [await good(0, 5), new Uint8Array(9)]);
  assert.equal(byDefault.code, 'NotParquet');
});

/** Rows in row groups of 2,048. Blocks of the column `memo` are too large to be held back, so the split stages them. */
const large = (from: number, rows: number) =>
  duck.write(
    `SELECT i::INT AS n, 'w' || (i % 7) AS who, md5(i::TEXT) AS memo FROM range(${from}, ${from + rows}) t(i)`,
    'CODEC uncompressed, ROW_GROUP_SIZE 2048',
  );

/** The file with pages of one column of one row group turned over. */
function damagedIn(file: Uint8Array, rowGroup: number, column: number): Uint8Array {
  const { start, length } = parseFooter(file, file.length, 'f').rowGroups[rowGroup]!.chunks[column]!;
  const out = new Uint8Array(file);
  out.fill(0xff, start, start + Math.min(length, 24));
  return out;
}

/** All of what a run leaves for readers: names and bytes. */
function outputs(engine: Engine): Map<string, Buffer> {
  const { store } = engine;
  return new Map(store.names('published', '').map((name) => [name, Buffer.from(store.bytes('published', name))]));
}

describe('a damaged file that several batches share is set aside whole', () => {
  // Each large file has five row groups, and a batch two: batches share files at both of their ends. Places are those of
  // row group and column: keys, copied pages, numbers.
  const cases: { name: string; at: [rowGroup: number, column: number][]; bad: number[] }[] = [
    { name: 'its first row group, the first file', at: [[0, 0]], bad: [0] },
    { name: 'its first row group, a file in the middle', at: [[0, 2]], bad: [1] },
    { name: 'a row group in the middle, the last file', at: [[2, 1]], bad: [2] },
    { name: 'a row group in the middle, two files beside each other', at: [[2, 1]], bad: [1, 2] },
    { name: 'its last row group, a file in the middle', at: [[4, 0]], bad: [1] },
    {
      name: 'two row groups, a file in the middle',
      at: [
        [1, 1],
        [4, 2],
      ],
      bad: [1],
    },
    { name: 'its last row group, two files beside each other', at: [[4, 2]], bad: [0, 1] },
  ];
  const rows = 10_000;
  for (const { name, at, bad } of cases) {
    test(`damaged in ${name}`, async () => {
      const files = await Promise.all([large(0, rows), large(rows, rows), large(2 * rows, rows)]);
      for (const f of bad) for (const [group, column] of at) files[f] = damagedIn(files[f]!, group, column);
      files.push(await good(60_000, 30), damaged(await good(60_030, 30)), await good(60_060, 30));
      const expected = [0, 1, 2]
        .filter((f) => !bad.includes(f))
        .flatMap((f) => Array.from({ length: rows }, (_, i) => rows * f + i))
        .concat([...Array(30).keys()].map((i) => 60_000 + i))
        .concat([...Array(30).keys()].map((i) => 60_060 + i));
      const results: Map<string, Buffer>[] = [];
      const ways: DriveOptions[] = [
        { short: true },
        {},
        { executions: 2, late: true, order: (batches) => batches.toReversed() },
      ];
      for (const options of ways) {
        const engine = await engineOver(setAside, files, { batchRows: 4096, ...options });
        await engine.run('r');
        assert.deepEqual(
          await published(engine),
          expected.map((n, i) => ({ n: String(n), who: `w${n % 7}`, id: String(i + 1) })),
        );
        const { setAside: list, inputs, source } = await manifestOf(engine);
        assert.deepEqual(
          list!.map(({ blob, code }) => [blob, code]),
          [...bad.map((f) => `in/00${f}.parquet`), 'in/004.parquet'].map((blob) => [blob, 'CorruptFile']),
        );
        assert.equal(inputs.length, files.length - bad.length - 1);
        assert.equal(source.rows, expected.length);
        assert.deepEqual(await findingsOf(engine), [[], expected.length]);
        results.push(outputs(engine));
      }
      const names = [...results[0]!.keys()].filter((one) => one.endsWith('.parquet'));
      for (const other of results.slice(1)) {
        for (const one of names) assert.ok(results[0]!.get(one)!.equals(other.get(one)!), one);
      }
    });
  }

  test('and where they are too many, the run fails by the name of the first', async () => {
    const files = [await good(0, 5), damagedIn(await large(5, 20_000), 3, 1)];
    const engine = await engineOver({ ...setAside, maxBadFiles: 0.3 }, files, { batchRows: 8192 });
    const thrown = await engine.run('r').then(
      () => assert.fail('the run went through'),
      (reason: OrdinalError) => reason,
    );
    assert.deepEqual([thrown.code, thrown.where?.blob], ['TooManyBadFiles', 'in/001.parquet']);
  });
});

test('of files that contradict each other the fewer are set aside, wherever they stand', async () => {
  const odd = await duck.write("SELECT 1.5::DOUBLE AS n, 'x' AS who");
  const any = { ...setAside, row: z.object({ n: z.any(), who: z.string(), memo: z.string().optional() }) };
  const engine = await engineOver(any, [odd, await good(0, 5), await good(5, 5)]);
  await engine.run('r');
  const { setAside: list, inputs } = await manifestOf(engine);
  assert.deepEqual(
    list!.map(({ blob, code, reason }) => [blob, code, reason]),
    [['in/000.parquet', 'ColumnTypeMismatch', 'column "n" is DOUBLE here but INT_32 on INT32 in most files']],
  );
  assert.equal(inputs.length, 2);
  assert.equal((await published(engine)).length, 10);
});
