/**
 * Refused rows: they are in no entity, get no ID and bring no key; the quarantine dataset names each with its blob, row
 * number, column, value and reason; above the allowed share nothing is published.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { manifestSchema } from '../../src/documents/manifest.ts';
import { parseFooter } from '../../src/parquet/footer-read.ts';
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
        const { leftOut = [], ...said } = manifest!.rejected!;
        assert.deepEqual(said, { rows: distinct, lines: expected.length, blob: name, sourceRows });
        // Sources may have a list beside the contract's columns.
        const lists = leftOut.filter(({ why }) => why === 'it is a list or a map').map(({ column }) => column);
        assert.equal(lists.length, leftOut.length);
        const kept = await duck.read(store.bytes('published', sourceRows));
        // DuckDB does not read Hadoop's framing of LZ4: values of such a source are compared by `verify` above.
        const sources = await Promise.all(files.map(({ bytes }) => duck.read(bytes).catch(() => undefined)));
        const contract = compiled.contract.map((column) => column.name);
        const columns = kept.names.slice(0, -3);
        assert.deepEqual(columns.slice(0, contract.length), contract);
        assert.deepEqual(kept.names.slice(-3), ['_blob', '_row', '_reason']);
        for (const row of kept.rows) {
          const [blob, number] = row.slice(columns.length);
          const source = sources[files.findIndex((_, f) => blob === `in/${r}/${f}.parquet`)];
          if (!source) continue;
          for (const column of source.names) assert.ok(columns.includes(column) || lists.includes(column), column);
          const held = columns.map((column) => source.rows[Number(number)]![source.names.indexOf(column)] ?? null);
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

describe('a refused row is kept whole', () => {
  const whole = (change: object = {}) =>
    compile(
      pipeline({
        name: 'p',
        source: { container: 'landing', prefix: 'in/' },
        row: z.object({ n: z.int().refine((n) => n % 10 !== 7), address: z.object({ city: z.string() }).nullable() }),
        onInvalid: 'quarantine',
        maxRejected: 1,
        entities: ({ id }) => ({
          all: { kind: 'rows', id: id('row_id'), columns: { n: 'n', city: 'address.city' } },
        }),
        ...change,
      }),
    );

  /** Columns of all sorts that the contract does not name; `more` are further ones. */
  const rows = (from: number, count: number, more = '') => `
    SELECT i::INT AS n, CASE WHEN i % 3 > 0 THEN {'city': 'c' || i, 'zip': i + 0.5} END AS address,
      'memo ' || i AS memo, CASE WHEN i % 2 = 0 THEN i::DECIMAL(12, 3) END AS price, TIMESTAMP '2026-01-01' + INTERVAL (i) HOUR AS at,
      i % 2 = 0 AS even, uuid() AS id, ('x' || i)::BLOB AS picture, DATE '2026-01-01' + (i % 9)::INT AS day, [i, i + 1] AS list,
      MAP {'k': i} AS pairs, i AS _row ${more}
    FROM range(${from}, ${from + count}) t(i)`;
  const kept = ['n', 'address.city', 'address.zip', 'memo', 'price', 'at', 'even', 'id', 'picture', 'day'];
  const left = [
    { column: '_row', why: 'the rejected rows have a column of that name' },
    { column: 'list', why: 'it is a list or a map' },
    { column: 'pairs', why: 'it is a list or a map' },
  ];

  async function rejected(engine: Engine) {
    await engine.run('r');
    const manifest = await readJson(engine.store, 'published', 'p/_manifests/r.json', manifestSchema);
    const { sourceRows, leftOut, rows: count } = manifest!.rejected!;
    return { count, leftOut, ...(await duck.read(engine.store.bytes('published', sourceRows!))) };
  }

  /** What DuckDB reads of the source in the same rows, struct by struct. */
  async function held(file: Uint8Array, columns: readonly string[]) {
    const { names, rows: all } = await duck.read(
      file,
      columns.map((name) => `"${name.replace('.', '"."')}" AS "${name}"`).join(),
    );
    return { names, rows: all.filter((row) => Number(row[0]) % 10 === 7) };
  }

  for (const options of [{}, { batchRows: 2048, executions: 2 }, { short: true }]) {
    test(`in all columns, or the manifest says which not and why: ${JSON.stringify(options)}`, async () => {
      const engine = new Engine(whole(), options);
      const files = [
        await duck.write(rows(0, 5000), 'ROW_GROUP_SIZE 2048'),
        await duck.write(rows(5000, 40), 'CODEC gzip'),
      ];
      for (const [f, file] of files.entries()) await engine.upload(`in/${f}.parquet`, file);
      const found = await rejected(engine);
      assert.deepEqual(found.names, [...kept, '_blob', '_row', '_reason']);
      assert.deepEqual(found.leftOut, left);
      const expected = (await Promise.all(files.map((file) => held(file, kept)))).flatMap(({ rows: all }) => all);
      assert.equal(found.count, 504);
      assert.deepEqual(
        found.rows.map((row) => row.slice(0, kept.length)),
        expected,
      );
      assert.deepEqual(found.rows.at(-1)!.slice(-3, -1), ['in/1.parquet', '37']);
    });
  }

  test('files whose columns differ: missing ones are null, wider types hold both, contradictions are named', async () => {
    const engine = new Engine(whole(), { batchRows: 30 });
    const [a, b] = [
      ', i::INT AS wide, i::INT AS odd, 1::INT AS once',
      ', i::BIGINT AS wide, i::VARCHAR AS odd, 2.5::DOUBLE AS later',
    ];
    await engine.upload('in/0.parquet', await duck.write(rows(0, 30, a)));
    await engine.upload('in/1.parquet', await duck.write(rows(30, 30, b)));
    const found = await rejected(engine);
    const more = ['wide', 'once', 'later'];
    assert.deepEqual(found.names, [...kept, ...more, '_blob', '_row', '_reason']);
    assert.deepEqual(
      found.rows.map((row) => row.slice(kept.length, kept.length + 3)),
      [7, 17, 27].map((n) => [`${n}`, '1', null]).concat([37, 47, 57].map((n) => [`${n}`, null, '2.5'])),
    );
    const odd = { column: 'odd', why: 'it is INT32 and STRING on BYTE_ARRAY' };
    const sorted = [...left, odd].sort((x, y) => (x.column < y.column ? -1 : 1));
    assert.deepEqual(
      found.leftOut!.map(({ column }) => column),
      sorted.map(({ column }) => column),
    );
    assert.match(found.leftOut!.find(({ column }) => column === 'odd')!.why, /^it is INT.* and STRING/);
  });

  test('a damaged column that nobody reads fails no run, and is named', async () => {
    const engine = new Engine(whole(), { batchRows: 2048 });
    const file = await duck.write(rows(0, 5000), 'ROW_GROUP_SIZE 2048');
    const meta = parseFooter(file, file.length, 'f');
    const memo = meta.leaves.find(({ name }) => name === 'memo')!;
    const { start } = meta.rowGroups[1]!.chunks[memo.ordinal]!;
    await engine.upload('in/0.parquet', new Uint8Array(file).fill(0xff, start, start + 24));
    const found = await rejected(engine);
    assert.ok(!found.names.includes('memo'));
    assert.equal(found.rows.length, 500);
    assert.match(found.leftOut!.find(({ column }) => column === 'memo')!.why, /^in\/0\.parquet, row group 1: /);
  });

  test('for parquetjs-lite, in types that it reads', async () => {
    const engine = new Engine(whole({ readers: 'parquetjs-lite' }));
    await engine.upload('in/0.parquet', await duck.write(rows(0, 40, ', i::UBIGINT AS big')));
    const found = await rejected(engine);
    assert.deepEqual(found.leftOut, left);
    assert.deepEqual(
      found.rows.map((row) => row[found.names.indexOf('price')]),
      [null, null, null, null],
    );
    assert.deepEqual(
      found.rows.map((row) => row[found.names.indexOf('big')]),
      ['7', '17', '27', '37'],
    );
  });
});
