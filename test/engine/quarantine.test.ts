/**
 * Refused rows: they are in no entity, get no ID and bring no key; the quarantine dataset names each with its blob, row
 * number, column, value and reason; above the allowed share nothing is published.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { manifestSchema } from '../../src/documents/documents.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline } from '../../src/pipeline/index.ts';
import { readJson } from '../../src/storage/json.ts';
import { columnKinds, pickyKinds } from './support/cells.ts';
import { checkOutcome, filesOf, refusedColumns, runScenario } from './support/check.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';
import { scenarios } from './support/scenarios.ts';
import { writeSource } from './support/sources.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 15);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

test('what is accepted is published as if the rest were not there, and the rest is in quarantine', async () => {
  const kinds = ['string', 'int32', 'double', 'stringToNull', ...Object.keys(pickyKinds), ...Object.keys(pickyKinds)];
  const scenario = scenarios(['own', 'polars'], kinds).map((s) => ({ ...s, quarantine: true }));
  await fc.assert(
    fc.asyncProperty(scenario, async (s) => {
      const runs = await filesOf(s, duck);
      const outcome = await runScenario(s, runs);
      await checkOutcome(outcome, duck);
      const { pipeline: compiled, store } = outcome.engine;
      for (const [r, files] of runs.entries()) {
        const expected = files.flatMap(({ rows }, f) =>
          rows.flatMap((row, number) =>
            refusedColumns(compiled, row).map((column) => [`in/${r}/${f}.parquet`, String(number), column]),
          ),
        );
        const name = `p/_quarantine/run${r}-00000.parquet`;
        const there = await store.head('published', name);
        const manifest = await readJson(store, 'published', `p/_manifests/run${r}.json`, manifestSchema);
        assert.equal(there !== undefined, expected.length > 0);
        if (!there) {
          assert.equal(manifest?.rejected, undefined);
          continue;
        }
        const { names, rows } = await duck.read(store.bytes('published', name));
        assert.deepEqual(names, ['blob', 'row', 'column', 'value', 'reason']);
        assert.deepEqual(
          rows.map((row) => row.slice(0, 3)),
          expected,
        );
        const distinct = new Set(expected.map(([blob, row]) => `${blob} ${row}`)).size;
        const sourceRows = `p/_rejected_rows/run${r}-00000.parquet`;
        assert.deepEqual(manifest?.rejected, { rows: distinct, lines: expected.length, blob: name, sourceRows });
        const kept = await duck.read(store.bytes('published', sourceRows));
        // DuckDB does not read Hadoop's framing of LZ4: values of such a source are compared by `verify` above.
        const sources = await Promise.all(files.map(({ bytes }) => duck.read(bytes).catch(() => undefined)));
        const columns = compiled.contract.map((column) => column.name);
        assert.deepEqual(kept.names, [...columns, '_blob', '_row', '_reason']);
        for (const row of kept.rows) {
          const [blob, number] = row.slice(columns.length);
          const source = sources[files.findIndex((_, f) => blob === `in/${r}/${f}.parquet`)];
          if (!source) continue;
          const held = columns.map((column) => source.rows[Number(number)]![source.names.indexOf(column)]);
          assert.deepEqual(row.slice(0, columns.length), held, `${blob} row ${number}`);
        }
        assert.equal(kept.rows.length, distinct);
      }
    }),
    { numRuns },
  );
});

const definition = (maxRejected: number) =>
  compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({ a: z.int().max(90) }),
      onInvalid: 'quarantine',
      maxRejected,
      entities: ({ id }) => ({ all: { kind: 'rows', id: id('row_id'), columns: { a: 'a' } } }),
    }),
  );

/** 100 rows with a = 0..99, of which 9 are above 90, in four row groups. */
const hundred = writeSource(
  [{ name: 'a', kind: columnKinds.int32!, nullable: false, optional: false, nullShare: 0, distinct: 1 }],
  [Array.from({ length: 100 }, (_, n) => n)],
  {
    rows: 100,
    rowGroup: 25,
    page: 10,
    codec: 'SNAPPY',
    modes: ['plain'],
    statistics: true,
    rotate: 0,
    variant: 0,
    extra: false,
  },
  // The row's number out of a hundred.
  (
    (n) => () =>
      n++ / 100
  )(0),
);

test('the share is exact: at the limit the run goes through, above it nothing is published', async () => {
  const through = new Engine(definition(0.09), { batchRows: 25 });
  await through.upload('in/x.parquet', hundred.bytes);
  await through.run('r');
  const [published] = through.published('all');
  assert.equal((await duck.read(published!.bytes)).rows.length, 91);

  const stopped = new Engine(definition(0.0899), { batchRows: 25 });
  await stopped.upload('in/x.parquet', hundred.bytes);
  await assert.rejects(stopped.run('r'), {
    code: 'TooManyRejected',
    where: { pipeline: 'p', blob: 'in/x.parquet', column: 'a', row: 91 },
    message: /^9 of 100 rows were refused, above the share of 0.0899; the first: column "a" holds 91: /,
  });
  assert.deepEqual(stopped.store.names('published'), []);
});

test('the dataset says what was refused and why', async () => {
  const engine = new Engine(definition(0.5));
  await engine.upload('in/x.parquet', hundred.bytes);
  await engine.run('r');
  const { rows } = await duck.read(engine.store.bytes('published', 'p/_quarantine/r-00000.parquet'));
  assert.deepEqual(rows[0], ['in/x.parquet', '91', 'a', '91', 'Too big: expected number to be <=90']);
  assert.equal(rows.length, 9);
});

test('refused rows are a source: mended, or under a wider contract, they come in with all that the source held', async () => {
  const lake = (schema: z.ZodType) =>
    compile(
      pipeline({
        name: 'p',
        source: { container: 'landing', prefix: 'in/' },
        row: z.object({ a: schema as z.ZodInt, note: z.string(), price: z.string() }),
        onInvalid: 'quarantine',
        maxRejected: 1,
        entities: ({ id }) => ({
          all: { kind: 'rows', id: id('row_id'), columns: { a: 'a', note: 'note', price: 'price' } },
        }),
      }),
    );
  const engine = new Engine(lake(z.int().max(2)));
  const file = await duck.write(
    "SELECT i::INT AS a, 'n' || i AS note, (i + 0.25)::DECIMAL(9, 2) AS price FROM range(5) t(i)",
  );
  await engine.upload('in/0.parquet', file);
  await engine.run('r1', 'in/0');
  const manifest = await readJson(engine.store, 'published', 'p/_manifests/r1.json', manifestSchema);
  const kept = engine.store.bytes('published', manifest!.rejected!.sourceRows!);
  // As the command does: the rows are a blob of the source.
  await engine.upload('in/_replayed/r1.parquet', kept);
  const wider = new Engine(lake(z.int()), {}, engine.store);
  await wider.run('r2', 'in/_replayed/');
  const read = async (run: string) => {
    const [one] = engine.published('all', `${run}-`);
    return (await duck.read(one!.bytes)).rows;
  };
  assert.deepEqual(await read('r1'), [
    ['1', '0', 'n0', '0.25'],
    ['2', '1', 'n1', '1.25'],
    ['3', '2', 'n2', '2.25'],
  ]);
  assert.deepEqual(await read('r2'), [
    // This engine counts anew: the sequence's own tests are elsewhere.
    ['1', '3', 'n3', '3.25'],
    ['2', '4', 'n4', '4.25'],
  ]);
});
