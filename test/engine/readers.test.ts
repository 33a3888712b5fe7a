/**
 * Published files as the world reads them: DuckDB, arrow-rs, Polars, ClickHouse, hyparquet and @dsnp/parquetjs find the same rows
 * in every file, and they are the reference's.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, test } from 'vitest';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { encodeDictionaryChunk } from '../../src/parquet/encode.ts';
import type { Codec } from '../../src/parquet/types.ts';
import { peersInstalled } from '../../tools/peers.ts';
import { fileOf } from '../parquet/support/files.ts';
import { peerTest, readDsnp, readHyparquet, readLite, throughArrow, throughPolars } from '../parquet/support/peers.ts';
import { readFiles } from '../tables/support/delta-reader.ts';
import { canonOf, columnKinds, pickyKinds } from './support/cells.ts';
import { checkOutcome, filesOf, type Outcome, runScenario } from './support/check.ts';
import { codecs, everyType, type TypedFile } from './support/every-type.ts';
import { DuckReader } from './support/reader.ts';
import type { OutRow } from './support/reference.ts';
import type { Writer } from './support/rewriters.ts';
import { commonKinds, scenarios } from './support/scenarios.ts';
import type { FileShape } from './support/sources.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 4);
// Other people's readers have bugs of their own: a red run must repeat. `ORDINAL_SEED` looks elsewhere.
fc.configureGlobal({ seed: Number(process.env.ORDINAL_SEED ?? 20_261_123) });
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** A reader's value in the terms of the expected text: dates and times come as `Date`s or as raw numbers. */
function seen(value: unknown, expected: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (expected?.endsWith('d') && value instanceof Date) return `${Math.floor(value.getTime() / 86_400_000)}d`;
  if (expected?.endsWith('ns') && (typeof value === 'number' || typeof value === 'bigint')) {
    return `${BigInt(value) * 1_000_000n}ns`;
  }
  if (expected?.endsWith('d') && typeof value === 'number') return `${value}d`;
  return canonOf(value);
}

function chunksOf(bytes: Uint8Array) {
  const { row_groups } = parquetMetadata(new Uint8Array(bytes).buffer);
  return row_groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data!));
}

const codecsOf = (bytes: Uint8Array) => chunksOf(bytes).map(({ codec }) => codec);
const encodingsOf = (bytes: Uint8Array) => chunksOf(bytes).flatMap(({ encodings }) => encodings);

type ReadRows = (bytes: Uint8Array) => Promise<Record<string, unknown>[]>;

async function checkRows({ engine, expected }: Outcome, read: ReadRows, show = seen): Promise<void> {
  for (const [r, entities] of expected.entries()) {
    for (const { name, columns } of engine.pipeline.entities) {
      const wanted = entities.get(name)!;
      const rows: OutRow[] = [];
      for (const file of engine.published(name, `run${r}-`)) {
        for (const row of await read(file.bytes)) {
          const at = wanted[rows.length];
          rows.push(columns.map((column, c) => show(row[column.name], at?.[c])));
        }
      }
      assert.deepEqual(rows, wanted, `rows of ${name} in run ${r}`);
    }
  }
}

/** ClickHouse reads all files of an outcome in one process. */
async function checkChdb({ engine, expected }: Outcome): Promise<void> {
  const manifests = await publishedManifests(engine.environment);
  const files = expected.flatMap((entities, r) =>
    engine.pipeline.entities.flatMap(({ name }) => {
      const { columns } = manifests
        .find(({ runId }) => runId === `run${r}`)!
        .entities.find(({ entity }) => entity === name)!;
      const blobs = engine.published(name, `run${r}-`).map((file) => file.name);
      return { name: `${name} in run ${r}`, blobs, columns: columns!, wanted: entities.get(name)! };
    }),
  );
  const read = await readFiles(
    engine.store,
    files.flatMap(({ blobs, columns }) => blobs.map((file) => ({ file, columns }))),
  );
  let next = 0;
  for (const { name, blobs, wanted } of files) {
    const rows = blobs.flatMap((blob) => {
      const found = read[next++]!;
      assert.ok(Array.isArray(found), `${blob}: ${String(found)}`);
      return found;
    });
    assert.deepEqual(rows, wanted, `rows of ${name}`);
  }
}

/** Polars is seen through what it writes, and it writes 0 and -0 as one value. */
const oneZero = (text: string | null) => (text === '-0' ? '0' : text);

const readers: Record<string, (outcome: Outcome) => Promise<void>> = {
  'arrow-rs': (outcome) => checkOutcome(outcome, duck, throughArrow),
  Polars: (outcome) => checkOutcome(outcome, duck, throughPolars, oneZero),
  'ClickHouse (chdb)': (outcome) => checkChdb(outcome),
  hyparquet: (outcome) => checkRows(outcome, readHyparquet),
  '@dsnp/parquetjs': (outcome) => checkRows(outcome, readDsnp),
};

/** What parquetjs-lite shows, in the terms of the expected text: it cuts dates to milliseconds and leaves some types raw. */
function seenByLite(value: unknown, expected: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (expected?.endsWith('ns')) {
    const nanos = BigInt(expected.slice(0, -2));
    if (value instanceof Date) return BigInt(value.getTime()) === nanos / 1_000_000n ? expected : canonOf(value);
    const raw = BigInt(value as bigint);
    return [1n, 1000n, 1_000_000n].some((unit) => raw * unit === nanos) ? expected : `${raw}`;
  }
  if (value instanceof Date) return `${value.getTime() / 86_400_000}d`;
  if (value instanceof Uint8Array && expected && !expected.startsWith('0x')) {
    const hex = Buffer.from(value).toString('hex');
    if (value.length === 16) return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    if (value.length === 2) return String(new DataView(value.buffer, value.byteOffset).getFloat16(0, true));
  }
  if (typeof value === 'object' && 'months' in value) {
    const { months, days, milliseconds } = value as Record<string, number>;
    return canonOf(new Uint8Array(Uint32Array.of(months!, days!, milliseconds!).buffer));
  }
  return canonOf(value);
}

/** Kinds that are refused, or whose functions see other values: a time read as an integer is in microseconds then. */
const liteOwn = ['int96', 'uint64', 'decimal9number', 'decimal38', 'timestampMillisUtc'];
const liteKinds = Object.keys(columnKinds).filter((kind) => !liteOwn.includes(kind) && !(kind in pickyKinds));

test('what is written for parquetjs-lite it reads whole, value by value, whatever wrote the source', async () => {
  const scenario = scenarios(['own', 'own', 'own', 'lite'], liteKinds).map((s) => ({
    ...s,
    // It writes no types but its own.
    columns: s.writer === 'lite' ? s.columns.map((c) => ({ ...c, kind: 'stringTrimmed' })) : s.columns,
    idEncoding: 'plain' as const,
    readers: 'parquetjs-lite' as const,
  }));
  const references = { rows: 0, keyed: 0 };
  await fc.assert(
    fc.asyncProperty(scenario, async (s) => {
      const outcome = await runScenario(s, await filesOf(s, duck));
      await checkRows(outcome, readLite, seenByLite);
      await checkOutcome(outcome, duck);
      for (const entity of outcome.engine.pipeline.entities) {
        if (entity.columns.some((column) => column.kind === 'ref')) references[entity.kind]++;
        for (const { bytes } of outcome.engine.published(entity.name, 'run0-')) {
          for (const { codec, encodings, dictionary_page_offset } of chunksOf(bytes)) {
            assert.ok(['UNCOMPRESSED', 'SNAPPY', 'GZIP'].includes(codec), codec);
            assert.ok(
              encodings.every((encoding) => encoding === 'PLAIN' || encoding === 'RLE'),
              encodings.join(),
            );
            assert.equal(dictionary_page_offset, undefined);
          }
        }
      }
    }),
    { numRuns: 2 * numRuns },
  );
  assert.ok(references.rows > 0 && references.keyed > 0, 'there were references to read');
});

test('parquetjs-lite refuses what it would read wrongly: columns in a dictionary', async () => {
  // Under the older name PLAIN_DICTIONARY it would take the pages, make texts of the numbers and misread runs of indices
  // above 255: a refusal is better.
  const type = { physical: 'INT64' } as const;
  const values = { kind: 'int64', length: 2, data: BigInt64Array.of(1n, 2n) } as const;
  const chunk = encodeDictionaryChunk(values, Int32Array.of(0, 1, 1), type, false, 'SNAPPY');
  const file = fileOf([{ name: 'ref', type, optional: false, chunks: [chunk] }]);
  await assert.rejects(readLite(file), (reason) => String(reason) === 'invalid encoding: RLE_DICTIONARY');
  if (peersInstalled) assert.deepEqual(await readDsnp(file), [{ ref: 1n }, { ref: 2n }, { ref: 2n }]);
});

const oldCodecs = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI'] as const;
const oldHabits = [undefined, 'spark', 'hive', 'pyarrow', 'pyarrowV2'] as const;
const newCodec = (seed: number): Codec => (seed % 2 === 0 ? 'ZSTD' : 'LZ4_RAW');
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;

for (const [name, check] of Object.entries(readers)) {
  const testOf = name === 'hyparquet' ? test : peerTest;
  testOf(`${name} reads every published file as DuckDB does`, async () => {
    // What a reader cannot read in the source is its own affair: @dsnp/parquetjs knows no ZSTD, no LZ4 and no DELTA
    // encoding. Plain IDs are what old readers are promised.
    const old = name === '@dsnp/parquetjs';
    const known = (shape: FileShape): FileShape =>
      old ? { ...shape, codec: pick(oldCodecs, shape.rotate), habit: pick(oldHabits, shape.variant) } : shape;
    const writers: Writer[] = old ? ['own', 'dsnp'] : ['own', 'duckdb', 'polars', 'hyparquet', 'dsnp'];
    const scenario = scenarios(writers, commonKinds).map((s) => ({
      ...s,
      runs: s.runs.map((files) => files.map(known)),
      // It shows other units than milliseconds as raw numbers.
      mixed: s.mixed && !old,
      idEncoding: old ? ('plain' as const) : s.idEncoding,
    }));
    await fc.assert(
      fc.asyncProperty(scenario, async (s) => {
        await check(await runScenario(s, await filesOf(s, duck)));
      }),
      { numRuns },
    );
  });
}

peerTest('what is written for old readers @dsnp/parquetjs reads, whatever wrote the source', async () => {
  const writers: Writer[] = ['own', 'own', 'duckdb', 'duckdbV2', 'arrow', 'arrowV2', 'polars', 'hyparquet', 'dsnp'];
  // It shows other units than milliseconds as raw numbers, and some of these writers change units.
  const kinds = commonKinds.filter((kind) => !kind.startsWith('time'));
  const scenario = scenarios(writers, kinds).map((s) => ({
    ...s,
    // Each source has a codec that old readers do not know.
    runs: s.runs.map((files) => files.map((shape, f) => (f > 0 ? shape : { ...shape, codec: newCodec(s.seed) }))),
    idEncoding: 'plain' as const,
    readers: 'v1' as const,
    mixed: false,
  }));
  const oldEncodings = ['PLAIN', 'PLAIN_DICTIONARY', 'RLE_DICTIONARY', 'RLE', 'BIT_PACKED'];
  const seenCodecs = new Set<string>();
  await fc.assert(
    fc.asyncProperty(scenario, async (s) => {
      const files = await filesOf(s, duck);
      for (const codec of files.flat().flatMap(({ bytes }) => codecsOf(bytes))) seenCodecs.add(codec);
      const outcome = await runScenario(s, files);
      await checkRows(outcome, readDsnp);
      await checkOutcome(outcome, duck);
      for (const [r] of outcome.expected.entries()) {
        for (const { name } of outcome.engine.pipeline.entities) {
          for (const { bytes } of outcome.engine.published(name, `run${r}-`)) {
            for (const codec of codecsOf(bytes)) assert.ok(['UNCOMPRESSED', 'SNAPPY', 'GZIP'].includes(codec), codec);
            for (const encoding of encodingsOf(bytes)) assert.ok(oldEncodings.includes(encoding), encoding);
          }
        }
      }
    }),
    { numRuns: 3 * numRuns },
  );
  // The sources were such that it matters.
  assert.ok(seenCodecs.has('ZSTD') && seenCodecs.has('LZ4_RAW'), [...seenCodecs].join(' '));
});

/** The same value: some readers show text, JSON and UUIDs as their bytes. */
function isSame(kind: string, got: string | null, wanted: string | null): boolean {
  if (got === wanted || got === null || wanted === null) return got === wanted;
  if (kind === 'uuid') return got === `0x${wanted.replaceAll('-', '')}`;
  if (kind === 'json') return got.replace(/"(\d+)"/, '$1') === wanted || got === canonOf(Buffer.from(wanted));
  return kind === 'enumText' && got === canonOf(Buffer.from(wanted));
}

type ReadValues = (files: readonly TypedFile[]) => Promise<((string | null)[] | undefined)[]>;

/** Reads file by file; undefined for one that the reader refuses. */
const oneByOne = (read: (file: TypedFile) => Promise<(string | null)[]>): ReadValues => {
  return async (files) => {
    const found = [];
    for (const file of files) found.push(await read(file).catch(() => undefined));
    return found;
  };
};
const throughDuck = (view: (bytes: Uint8Array) => Uint8Array) =>
  oneByOne(async ({ bytes }) => (await duck.read(view(bytes))).rows.map((row) => row[1]!));

/** What hyparquet shows: times by the unit that the file states, documents as objects. */
async function hyparquetValues({ bytes, columns, wanted }: TypedFile): Promise<(string | null)[]> {
  const { annotation: a } = columns[1]!.type;
  const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n };
  return (await readHyparquet(bytes)).map(({ value }, r) => {
    if (a?.kind === 'time' && value !== undefined && value !== null)
      return `${BigInt(value as number) * nanos[a.unit]}ns`;
    if (a?.kind === 'json' && value) return JSON.stringify(value);
    return seen(value, wanted[r]);
  });
}

/** By reader: kinds whose files it does not read, or not exactly. */
const inexact: Record<string, { read: ReadValues; kinds: string[] }> = {
  'DuckDB 1.5': { read: throughDuck((bytes) => bytes), kinds: [] },
  'Polars 0.26 (nodejs-polars)': { read: throughDuck(throughPolars), kinds: ['float16', 'interval'] },
  'arrow-rs (parquet-wasm 0.8)': { read: throughDuck(throughArrow), kinds: ['interval'] },
  'ClickHouse 26.7 (chdb 3.4)': {
    read: async (files) => {
      const found = await readFiles(files[0]!.store, files);
      return found.map((rows) => (Array.isArray(rows) ? rows.map((row) => row[1]!) : undefined));
    },
    kinds: [],
  },
  'hyparquet 1.31': {
    read: oneByOne(hyparquetValues),
    kinds: [
      ...['decimal18', 'decimal38', 'decimal9', 'decimal9number', 'decimalBytes', 'int96', 'interval'],
      ...['timestampMicros', 'timestampMicrosLocal', 'timestampNanos', 'timestampNanosUtc'],
    ],
  },
};

peerTest('files of every type and codec are counted by reader, as docs/outputs.md says', async () => {
  const page = readFileSync(new URL('../../docs/outputs.md', import.meta.url), 'utf8');
  const some = process.env.ORDINAL_ENGINE_RUNS === undefined ? codecs.slice(0, 1) : codecs;
  for (const codec of some) {
    const files = await everyType(codec);
    for (const [reader, { read, kinds }] of Object.entries(inexact)) {
      const found = await read(files);
      const wrong = files.filter(({ kind, wanted }, f) => {
        return !wanted.every((value, r) => found[f] && isSame(kind, found[f][r] ?? null, value));
      });
      assert.deepEqual(wrong.map(({ kind }) => kind).sort(), kinds, `${reader}, ${codec}`);
      const exact = codecs.length * (files.length - kinds.length);
      assert.ok(page.includes(`| ${reader} | ${exact} |`), `${reader}: ${exact} of ${codecs.length * files.length}`);
    }
  }
});
