/**
 * `copy: 'service'`: chunks that the service copies. What is published has the same bytes as without it; what may pass is
 * held to the footer; what does not pass is read as ever; and a source that was replaced is refused by its name.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { encodeColumn } from '../../src/parquet/encode.ts';
import type { ChunkMeta, Column, ColumnType, EncodedChunk } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import { type } from '../../src/pipeline/index.ts';
import { readKeyBook, States, verifyRun } from '../../src/verify/verify.ts';
import { fileOf, footerOf } from '../parquet/support/files.ts';
import { underLimits } from '../support/limits.ts';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { type DriveOptions, Engine } from './support/drive.ts';
import { publishedBy } from './support/published.ts';
import { DuckReader } from './support/reader.ts';
import { type Scenario, scenarios } from './support/scenarios.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 8);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** Chunks of any size may pass, and no file is read whole. */
const anySize = { copiedChunkBytesMin: 1, wholeFileBytesMax: 0 };

const lives: DriveOptions[] = [{}, { short: true }, { short: true, forget: 'both' }, { executions: 2, late: true }];

/** What was published, but for checksums: those of files with copied parts are not known. */
function bytesOf(outcome: Parameters<typeof publishedBy>[0]): [string, string][] {
  return publishedBy(outcome).map(([name, text]) => [name, text.replaceAll(/"crc32":"[0-9a-f]*"/g, '')]);
}

/**
 * The scenario with an entity that copies all columns of all rows, row group by row group. No file is of the oldest writers:
 * their levels are BIT_PACKED, and these footers do not say so.
 */
function withCopies(scenario: Scenario): Scenario {
  const columns = scenario.columns.map((_, c) => ({ kind: 9, a: c, b: 0 }));
  const all = { keyed: false, key: [0], own: false, where: null, columns, step: 1 };
  const other = scenario.entities[0]!;
  const runs = scenario.runs.map((files) =>
    files.map(({ habit, ...shape }) => ({ ...shape, habit: habit === 'ancient' ? undefined : habit })),
  );
  return { ...scenario, runs, batchRows: 1, entities: [...(other.keyed ? [other] : []), all] };
}

test('published bytes are those of the default, whatever way a run goes', async () => {
  let copies = 0;
  await underLimits(anySize, () =>
    fc.assert(
      fc.asyncProperty(scenarios(['own', 'duckdb', 'polars']).map(withCopies), async (scenario) => {
        const files = await filesOf(scenario, duck);
        const plain = await runScenario(scenario, files);
        for (const options of lives) {
          const copied = await runScenario(scenario, files, { ...options, copy: 'service' });
          assert.deepEqual(bytesOf(copied), bytesOf(plain), JSON.stringify(options));
          copies += copied.engine.store.copies.length;
          if (Object.keys(options).length === 0) await checkOutcome(copied, duck);
        }
      }),
      { numRuns },
    ),
  );
  assert.ok(copies > 0, 'some of their chunks were copied');
});

const rows = 2000;
const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int64: ColumnType = { physical: 'INT64' };
const int32: ColumnType = { physical: 'INT32' };

const numbers = (type: ColumnType, from = 0): Column => ({
  form: 'plain',
  rows,
  nulls: 0,
  values:
    type.physical === 'INT64'
      ? { kind: 'int64', length: rows, data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i)) }
      : { kind: 'int32', length: rows, data: Int32Array.from({ length: rows }, (_, i) => from + i) },
  valid: undefined,
});

function words(texts: readonly string[]): Column {
  const offsets = Uint32Array.from({ length: rows + 1 }, (_, i) => texts.slice(0, i).join('').length);
  const data = new Uint8Array(Buffer.from(texts.join('')));
  return { form: 'plain', rows, nulls: 0, values: { kind: 'bytes', length: rows, data, offsets }, valid: undefined };
}

interface Named {
  name: string;
  type: ColumnType;
  optional?: boolean;
  chunk: EncodedChunk;
}

const codes = Array.from({ length: rows }, (_, i) => `code-${i}`);
const of = (name: string, type: ColumnType, column: Column, optional = false): Named => ({
  name,
  type,
  optional,
  chunk: encodeColumn(column, type, optional, 'SNAPPY'),
});
/** A key, and columns that lie side by side. */
const columns = () => [
  of('key', text, words(codes)),
  of('a', text, words(codes)),
  of('b', int32, numbers(int32)),
  of('c', int64, numbers(int64)),
];
const file = (list: Named[]) =>
  fileOf(list.map(({ name, type, optional = false, chunk }) => ({ name, type, optional, chunks: [chunk] })));

type Words = Record<string, (...given: unknown[]) => unknown>;
const contract = { key: z.string(), a: z.string(), b: z.int(), c: z.int() };

/** A pipeline that copies `a`, `b` and `c`. */
function copying(
  row: Record<string, z.ZodType> = contract,
  entity: (words: Words) => object = () => ({}),
): CompiledPipeline {
  return compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    copy: 'service',
    row: z.object(row),
    entities: (words: Words) => ({
      keys: { kind: 'keyed', id: words.id!('key_id'), key: { key: 'key' } },
      all: {
        kind: 'rows',
        id: words.id!('row_id'),
        columns: { key_id: words.ref!('keys', { key: 'key' }), a: 'a', b: 'b', c: 'c' },
        ...entity(words),
      },
    }),
  } as never);
}

async function runOf(pipeline: CompiledPipeline, bytes: Uint8Array, options = {}): Promise<Engine> {
  const engine = new Engine(pipeline, options);
  await engine.upload('in/0.parquet', bytes);
  await underLimits(anySize, () => engine.run('r'));
  return engine;
}

/** The columns whose chunks were copied by the service, by where they begin. */
function copiedOf({ store }: Engine, bytes: Uint8Array): string[] {
  const { leaves, rowGroups } = footerOf(bytes);
  const isCopied = ({ start, length }: ChunkMeta) =>
    store.copies.some((copy) => copy.offset <= start && start + length <= copy.offset + copy.length);
  return leaves
    .filter((_, c) => isCopied(rowGroups[0]!.chunks[c]!))
    .map(({ name }) => name)
    .sort();
}

test('what is copied is never read, side by side it is one block, and the rest is as ever', async () => {
  const bytes = file(columns());
  const engine = await runOf(copying(), bytes);
  const { store } = engine;
  assert.deepEqual(copiedOf(engine, bytes), ['a', 'b', 'c']);
  const [copy] = store.copies;
  assert.equal(store.copies.length, 1, 'three chunks that follow each other are one request');
  const source = store.reads.filter(
    ({ name, offset }) => name === 'in/0.parquet' && offset < copy!.offset + copy!.length,
  );
  assert.ok(
    source.every(({ offset, length }) => offset + length <= copy!.offset || offset >= bytes.length - 64 * 1024),
    'but for the footer, what is read lies before it',
  );
  const plain = await runOf({ ...copying(), copy: undefined } as never, bytes);
  assert.equal(plain.store.copies.length, 0);
  assert.deepEqual(bytesOf({ engine }), bytesOf({ engine: plain }));
  const files = [engine, plain].map((one) =>
    JSON.parse(Buffer.from(one.store.bytes('published', 'p/_manifests/r.json')).toString()),
  );
  const crc = files.map(({ entities }) =>
    entities.map(({ files: [one] }: { files: { crc32: string }[] }) => one!.crc32),
  );
  assert.deepEqual([crc[0][0], crc[0][1]], [crc[1][0], ''], 'the checksum of what nobody has seen is not known');
  assert.match(crc[1][1], /^[0-9a-f]{8}$/);
  const { environment } = engine;
  const all = await publishedManifests(environment);
  const options = { states: new States(environment, all) };
  const report = await verifyRun(environment, all[0]!, all, await readKeyBook(environment, all), options);
  assert.deepEqual([report.findings, report.compared], [[], rows]);
});

test('what a column is used for, its schema, its pages and its footer decide whether it passes', async () => {
  const copies = async (pipeline: CompiledPipeline, list: Named[] = columns()) => {
    const bytes = file(list);
    return copiedOf(await runOf(pipeline, bytes), bytes);
  };
  const without = (name: string, ...more: Named[]) => [...columns().filter((one) => one.name !== name), ...more];
  assert.deepEqual(
    await copies(copying({ ...contract, a: z.string().min(1) })),
    ['b', 'c'],
    'a schema that looks at values',
  );
  assert.deepEqual(
    await copies(copying({ ...contract, a: z.string().trim() })),
    ['b', 'c'],
    'a schema that changes values',
  );
  assert.deepEqual(
    await copies(copying({ ...contract, c: z.int().max(5000) })),
    ['a', 'b', 'c'],
    'bounds that the footer proves',
  );
  const unstated = of('c', int64, numbers(int64));
  delete unstated.chunk.meta.statistics;
  assert.deepEqual(await copies(copying(), without('c', unstated)), ['a', 'b'], 'a safe integer that no footer proves');
  const double: ColumnType = { physical: 'DOUBLE' };
  const doubles: Column = {
    ...numbers(int64),
    values: { kind: 'double', length: rows, data: new Float64Array(rows) },
  } as Column;
  assert.deepEqual(
    await copies(copying({ ...contract, c: z.number() }), without('c', of('c', double, doubles))),
    ['a', 'b'],
    'NaN',
  );
  assert.deepEqual(
    await copies(copying(contract, ({ where }) => ({ where: where!(['key'], () => true) }))),
    [],
    'rows are selected',
  );
  assert.deepEqual(
    await copies(
      copying(contract, ({ map }) => ({
        columns: { a: 'a', b: 'b', c: 'c', d: map!('a', (value: string) => value, type.string) },
      })),
    ),
    ['b', 'c'],
    'a function reads it',
  );
  const nulls = of('a', text, { ...words(codes), nulls: 1, valid: new Uint8Array(rows).fill(1, 1) } as Column, true);
  await assert.rejects(copies(copying(), without('a', nulls)), { code: 'InvalidValue' }, 'a null that is not allowed');
  const none = of('a', text, words(codes), true);
  assert.deepEqual(await copies(copying({ ...contract, a: z.string().nullable() }), without('a', none)), [
    'a',
    'b',
    'c',
  ]);
  const unsaid = of('a', text, words(codes.map((_, i) => codes[i % 7]!)));
  assert.ok(unsaid.chunk.meta.dictionaryPageOffset !== undefined, 'it has a dictionary');
  assert.deepEqual(await copies(copying(), without('a', unsaid)), ['a', 'b', 'c']);
  const hidden = of('a', text, words(codes.map((_, i) => codes[i % 7]!)));
  delete hidden.chunk.meta.dictionaryPageOffset;
  hidden.chunk.meta.dataPageOffset = 0;
  assert.deepEqual(
    await copies(copying(), without('a', hidden)),
    ['b', 'c'],
    'the footer does not say where the dictionary is',
  );
  const packed = of('a', text, words(codes), true);
  packed.chunk.meta.encodings = ['PLAIN', 'BIT_PACKED'];
  const nullable = copying({ ...contract, a: z.string().nullable() });
  assert.deepEqual(await copies(nullable, without('a', packed)), ['b', 'c'], 'its levels may be BIT_PACKED');
  packed.chunk.meta.encodings = ['PLAIN'];
  assert.deepEqual(await copies(nullable, without('a', packed)), ['a', 'b', 'c'], 'not all writers name the levels');
  const smaller = copying();
  const engine = new Engine(smaller);
  await engine.upload('in/0.parquet', file(columns()));
  await underLimits({ wholeFileBytesMax: 0 }, () => engine.run('r'));
  assert.deepEqual(engine.store.copies, [], 'small chunks are read');
});

test('a source that is replaced meanwhile, or is gone, is refused by its name', async () => {
  for (const then of ['replaced', 'removed'] as const) {
    const engine = new Engine(copying());
    await engine.upload('in/0.parquet', file(columns()));
    const stage = engine.store.stageBlockFrom.bind(engine.store);
    engine.store.stageBlockFrom = async (...given) => {
      if (then === 'replaced') await engine.upload('in/0.parquet', file(columns()));
      else await engine.store.remove('landing', 'in/0.parquet');
      await stage(...given);
    };
    const thrown = await underLimits(anySize, () => engine.run('r')).then(
      () => assert.fail('it was published'),
      (reason: unknown) => reason,
    );
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    assert.deepEqual([thrown.code, thrown.where?.blob], ['SourceChanged', 'in/0.parquet']);
    assert.deepEqual(engine.published('all'), []);
  }
});

test('what `copy` may be', () => {
  const given = { name: 'p', source: { container: 'landing', prefix: 'in/' }, row: z.object({ a: z.any() }) };
  const entities = ({ id }: Words) => ({ all: { kind: 'rows', id: id!('row_id'), columns: { a: 'a' } } });
  const compiled = (more: object = {}) => compile({ ...given, entities, ...more } as never);
  assert.equal(compiled({ copy: 'service' }).copy, 'service');
  assert.equal(compiled({ copy: 'function' }).copy, undefined);
  // It changes nothing about what is written, so no run becomes another pipeline's.
  assert.equal(compiled({ copy: 'service' }).hash, compiled().hash);
  const refused = (more: object, message: RegExp) =>
    assert.throws(() => compiled({ copy: 'service', ...more }), { code: 'InvalidPipeline', message });
  refused({ copy: 'server' }, /copy: .*'server'/);
  refused({ onInvalid: 'quarantine' }, /copy: 'service' cannot be where refused rows are set aside/);
  refused({ readers: 'v1' }, /copy: 'service' cannot be for readers 'v1'/);
});

test('many chunks of one row group are blocks of a bounded size', async () => {
  const bytes = file(columns());
  const { chunks } = footerOf(bytes).rowGroups[0]!;
  const engine = new Engine(copying());
  await engine.upload('in/0.parquet', bytes);
  await underLimits({ ...anySize, joinedCopyBytesMax: chunks[1]!.length + chunks[2]!.length }, () => engine.run('r'));
  assert.deepEqual(
    engine.store.copies.map(({ offset, length }) => [offset, length]),
    [
      [chunks[1]!.start, chunks[1]!.length + chunks[2]!.length],
      [chunks[3]!.start, chunks[3]!.length],
    ],
  );
});
