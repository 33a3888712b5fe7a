/**
 * What a published file says of itself: columns in order with the IDs first, true statistics, exact ones on everything
 * that was written anew, the order of the rows, where each byte is, and whose file it is.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { encodeDictionaryChunk } from '../../src/parquet/encode.ts';
import { readPages } from '../../src/parquet/pages.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import { pipeline } from '../../src/pipeline/index.ts';
import { chunkBytes, fileOf, footerOf } from '../parquet/support/files.ts';
import { checkFooter } from '../support/footer-oracle.ts';
import { filesOf, type Outcome, runScenario } from './support/check.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';
import { commonKinds, scenarios, sourceColumns } from './support/scenarios.ts';
import { poolValues } from './support/sources.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 8);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

type Metadata = ReturnType<typeof parquetMetadata>;
type Entity = CompiledPipeline['entities'][number];

async function forEachFile(
  { engine }: Outcome,
  check: (file: { run: string; entity: Entity; bytes: Uint8Array; metadata: Metadata }) => Promise<void> | void,
): Promise<void> {
  for (const entity of engine.pipeline.entities) {
    for (const { name, bytes } of engine.published(entity.name)) {
      const run = /run\d+/.exec(name)![0];
      const metadata = parquetMetadata(new Uint8Array(bytes).buffer);
      // An unknown member has its ID by declaration and from no sequence. `test/run/unknown-member.test.ts` is about it.
      const dataset = metadata.key_value_metadata?.find(({ key }) => key === 'ordinal.dataset');
      if (dataset?.value !== 'unknown') await check({ run, entity, bytes, metadata });
    }
  }
}

test('columns are in the order of the pipeline, ID first, and rows are declared sorted by it', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      const outcome = await runScenario(scenario, await filesOf(scenario, duck));
      await forEachFile(outcome, ({ run, entity, metadata }) => {
        const names = metadata.schema.slice(1).map((element) => element.name);
        assert.deepEqual(
          names,
          entity.columns.map((column) => column.name),
        );
        const id = metadata.schema[1]!;
        assert.deepEqual([id.type, id.repetition_type], ['INT64', 'REQUIRED']);
        for (const group of metadata.row_groups) {
          assert.deepEqual(group.sorting_columns, [{ column_idx: 0, descending: false, nulls_first: false }]);
          const encodings = group.columns[0]!.meta_data!.encodings;
          assert.equal(encodings.includes('DELTA_BINARY_PACKED'), scenario.idEncoding === 'delta');
        }
        const values = Object.fromEntries(metadata.key_value_metadata!.map(({ key, value }) => [key, value]));
        // Nothing of the source's: its ARROW:schema, say, describes other columns.
        assert.deepEqual(
          Object.keys(values).filter((key) => !key.startsWith('ordinal.')),
          [],
        );
        assert.equal(values['ordinal.run'], run);
        assert.equal(values['ordinal.pipeline'], 'p');
        assert.equal(values['ordinal.sequence'], `p.${entity.name}`);
        assert.match(metadata.created_by!, /^ordinal/);
      });
    }),
    { numRuns },
  );
});

test('the range that a file names is the range of its IDs', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      const outcome = await runScenario(scenario, await filesOf(scenario, duck));
      await forEachFile(outcome, async ({ entity, bytes, metadata }) => {
        const text = metadata.key_value_metadata!.find(({ key }) => key === 'ordinal.ids')!.value!;
        const step = BigInt(outcome.engine.pipeline.sequences.find((s) => s.name === `p.${entity.name}`)!.step);
        const ids: string[] = [];
        for (const range of text.split(',')) {
          const [first, last] = range.split('..').map(BigInt);
          for (let id = first!; id <= last!; id += step) ids.push(String(id));
        }
        const { rows } = await duck.read(bytes);
        assert.deepEqual(
          rows.map((row) => row[0]),
          ids,
        );
      });
    }),
    { numRuns },
  );
});

test('chunks lie one after the other in schema order, and the row group begins at the first', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own', 'polars', 'duckdbV2']), async (scenario) => {
      const outcome = await runScenario(scenario, await filesOf(scenario, duck));
      await forEachFile(outcome, ({ bytes, metadata }) => {
        let offset = 4n;
        for (const [g, group] of metadata.row_groups.entries()) {
          assert.equal(BigInt(group.file_offset!), offset);
          assert.equal(group.ordinal, g);
          const uncompressed = group.columns.map((column) => BigInt(column.meta_data!.total_uncompressed_size));
          assert.equal(
            BigInt(group.total_byte_size),
            uncompressed.reduce((sum, bytesOfChunk) => sum + bytesOfChunk, 0n),
          );
          const start = offset;
          for (const { meta_data: chunk, ...indexes } of group.columns) {
            // Page indexes and Bloom filters lie outside the chunks that are copied: none is claimed.
            assert.deepEqual(
              [indexes.column_index_offset, indexes.offset_index_offset, chunk!.bloom_filter_offset],
              [undefined, undefined, undefined],
            );
            const { dictionary_page_offset: dictionary, data_page_offset: data } = chunk!;
            assert.equal(BigInt(dictionary ?? data), offset);
            assert.ok(dictionary === undefined || BigInt(dictionary) < BigInt(data));
            offset += BigInt(chunk!.total_compressed_size);
          }
          assert.equal(BigInt(group.total_compressed_size!), offset - start);
        }
        assert.equal(offset, BigInt(bytes.length - metadata.metadata_length - 8));
      });
    }),
    { numRuns },
  );
});

test('a column that is passed on keeps its type, whatever way the source states it', async () => {
  const scenario = scenarios(['own']).map((s) => ({ ...s, mixed: false, idEncoding: 'plain' as const }));
  const types = ({ type, type_length, converted_type, precision, scale, logical_type }: Metadata['schema'][number]) =>
    JSON.stringify({ type, type_length, converted_type, precision, scale, logical_type });
  await fc.assert(
    fc.asyncProperty(scenario, async (s) => {
      // One entity that passes everything on.
      const columns = s.columns.map((_, c) => ({ kind: 9, a: c, b: 0 }));
      const all = { ...s, entities: [{ keyed: false, key: [], own: false, where: null, columns, step: 1 }] };
      const outcome = await runScenario(all, await filesOf(all, duck));
      const ours = fileOf(
        sourceColumns(s.columns).map(({ name, kind, optional }) => ({ name, type: kind.type, optional, chunks: [] })),
      );
      const { schema } = parquetMetadata(new Uint8Array(ours).buffer);
      await forEachFile(outcome, ({ entity, metadata }) => {
        for (const column of entity.columns) {
          if (column.kind !== 'copy') continue;
          const { contract } = outcome.engine.pipeline;
          if (contract.find(({ name }) => name === column.source)!.outputType) continue;
          const element = metadata.schema.find(({ name }) => name === column.name)!;
          assert.equal(types(element), types(schema.find(({ name }) => name === column.source)!), column.name);
        }
      });
    }),
    { numRuns },
  );
});

test('no page of an output states bounds of other values', async () => {
  // Polars and Arrow for C++ put statistics into page headers, and index pages are reused behind other dictionaries.
  const scenario = scenarios(['own', 'polars'], commonKinds).map((s) => ({
    ...s,
    runs: s.runs.map((files) =>
      files.map((shape) => ({ ...shape, habit: 'pyarrow' as const, modes: ['dictionary' as const] })),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(scenario, async (s) => {
      const outcome = await runScenario(s, await filesOf(s, duck));
      await forEachFile(outcome, ({ entity, bytes }) => {
        const { leaves, rowGroups } = footerOf(bytes);
        for (const [g, group] of rowGroups.entries()) {
          for (const [c, chunk] of group.chunks.entries()) {
            if (entity.columns[c]!.kind === 'copy') continue;
            const pages = readPages(chunkBytes(bytes, chunk), chunk, leaves[c]!, { blob: 'x', rowGroup: g });
            assert.ok(pages.every((page) => !page.statistics));
          }
        }
      });
    }),
    { numRuns },
  );
});

test('a footer says nothing that is not true, and states the bounds of IDs and references', async () => {
  const writers = ['own', 'polars', 'duckdb', 'duckdbV2', 'arrow', 'hyparquet', 'dsnp'] as const;
  await fc.assert(
    fc.asyncProperty(scenarios(writers, commonKinds), async (scenario) => {
      const outcome = await runScenario(scenario, await filesOf(scenario, duck));
      await forEachFile(outcome, async ({ entity, bytes, metadata }) => {
        await checkFooter(bytes);
        for (const group of metadata.row_groups) {
          for (const [c, column] of entity.columns.entries()) {
            if (!['id', 'ref', 'rowRef'].includes(column.kind)) continue;
            const { statistics, num_values: values } = group.columns[c]!.meta_data!;
            assert.notEqual(statistics?.null_count, undefined, column.name);
            if (statistics?.null_count === values) continue;
            const { min_value: min, max_value: max, is_min_value_exact: low, is_max_value_exact: high } = statistics!;
            assert.deepEqual([typeof min, typeof max, low, high], ['bigint', 'bigint', true, true], column.name);
          }
        }
      });
    }),
    { numRuns },
  );
});

test('entries of a reused dictionary that no row uses bring no ID into the row group', async () => {
  const definition = compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({ a: z.string() }),
      entities: ({ id, ref }) => ({
        keys: { kind: 'keyed', id: id('key_id'), key: { a: 'a' } },
        all: { kind: 'rows', id: id('row_id'), columns: { key_id: ref('keys', { a: 'a' }) } },
      }),
    }),
  );
  const type: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  const pool = poolValues(type, ['x', 'y', 'z']);
  // Row groups too large to be joined, each with the whole pool for its dictionary.
  const chunks = [0, 2].map((entry) =>
    encodeDictionaryChunk(pool, new Int32Array(100_000).fill(entry), type, false, 'SNAPPY'),
  );
  const engine = new Engine(definition);
  await engine.upload('in/x.parquet', fileOf([{ name: 'a', type, optional: false, chunks }]));
  await engine.run('r');
  const bytes = engine.published('all')[0]!.bytes;
  const metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  assert.deepEqual(
    metadata.row_groups.map((group) => {
      const { statistics } = group.columns[1]!.meta_data!;
      return [statistics?.min_value, statistics?.max_value, statistics?.null_count];
    }),
    [
      [1n, 1n, 0n],
      [2n, 2n, 0n],
    ],
  );
  // Only used keys were numbered.
  assert.equal((await duck.read(engine.published('keys')[0]!.bytes)).rows.length, 2);
});
