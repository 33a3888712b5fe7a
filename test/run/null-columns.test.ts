/**
 * Columns without values: a writer gives them any type, or leaves them out. They fit what the contract and the other
 * files say; a column that holds values does not. Sources are DuckDB's and hyparquet-writer's, and outputs are read by
 * DuckDB.
 */
import assert from 'node:assert/strict';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { typeText } from '../../src/parquet/type-text.ts';
import { pipeline, registerPipelines, shared, type } from '../../src/pipeline/index.ts';
import { Judge } from '../parquet/support/duckdb.ts';
import { checkByVerify } from './support/check.ts';
import { Sim } from './support/sim.ts';

const notes = pipeline({
  name: 'notes',
  source: { container: 'landing', prefix: 'notes/' },
  row: z.object({
    line: z.int(),
    order_no: z.string().trim().nullable(),
    amount: z.number().nullable(),
    due: z.date().nullable(),
    remark: z.string().optional(),
    weight: z.int().nullish(),
  }),
  entities: ({ id, ref, first }) => ({
    orders: { kind: 'keyed', id: id('order_id'), key: { order_no: 'order_no' }, columns: { remark: first('remark') } },
    lines: {
      kind: 'rows',
      id: id('line_id'),
      columns: {
        order_id: ref('orders', { order_no: 'order_no' }),
        line: 'line',
        amount: 'amount',
        due: 'due',
        remark: 'remark',
        weight: 'weight',
      },
    },
  }),
});
const pipelines = registerPipelines([notes]);

const whole = `select 1 as line, 'A' as order_no, 1.5::double as amount, date '2026-01-02' as due, 'hi' as remark, 7 as weight`;
/** As DuckDB writes nulls that have no type: INT_32. */
const nulls = 'select 2 as line, null as order_no, null as amount, null as due, null as remark, null as weight';

/** hyparquet-writer without statistics: only the pages say that all is null. */
function withoutStatistics(orderNo: number | null): Uint8Array {
  const column = (name: string, type: 'INT32' | 'DOUBLE' | 'STRING', data: unknown[]) => ({
    name,
    type,
    data,
    nullable: true,
  });
  const columnData = [
    column('line', 'INT32', [3, 4]),
    column('order_no', 'INT32', [orderNo, null]),
    column('amount', 'STRING', [null, null]),
    column('due', 'INT32', [null, null]),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, statistics: false }));
}

/** Runs the pipeline over files. Gives the lines as DuckDB reads them, or the error. */
async function read(judge: Judge, files: Uint8Array[]): Promise<{ lines: unknown[]; error?: string }> {
  const sim = new Sim(pipelines, { batchRows: 2, partRows: 100 });
  await sim.store.ensureContainer('landing');
  for (const [i, bytes] of files.entries()) {
    const { etag } = await sim.store.write('landing', `notes/${i}.parquet`, bytes);
    sim.sources.set(etag, bytes);
  }
  const run = await sim.run('r1', 'notes', 'notes/');
  await sim.settle();
  if (run.status !== 'Completed') return { lines: [], error: run.error ?? '' };
  await checkByVerify(sim);
  const [manifest] = await publishedManifests({ ...sim.environments[0]!, store: sim.store });
  const paths = manifest!.entities
    .find(({ entity }) => entity === 'lines')!
    .files.map(({ blob }, i) => judge.put(`lines-${i}.parquet`, sim.store.bytes('published', blob)));
  const select = 'order_id, line, amount, due, remark, weight, typeof(amount) as type';
  const lines = await judge.rows(
    `select ${select} from read_parquet([${paths.map((path) => `'${path}'`).join()}]) order by line_id`,
  );
  return { lines: lines.map((line) => Object.values(line)) };
}

const first = ['1', 1, 1.5, '2026-01-02', 'hi', 7, 'DOUBLE'];
const second = [null, 2, null, null, null, null, 'DOUBLE'];

test('a file of nulls alone, of any type, fits by itself and beside others', async () => {
  const judge = await Judge.open();
  try {
    const [values, nothing] = [await judge.write(whole), await judge.write(nulls)];
    // INT_32 is a number: where no file knows better, it stays.
    assert.deepEqual(await read(judge, [nothing]), { lines: [second.with(6, 'INTEGER')] });
    assert.deepEqual(await read(judge, [nothing, values]), { lines: [second, first] });
    assert.deepEqual(await read(judge, [values, nothing]), { lines: [first, second] });
  } finally {
    judge.close();
  }
});

test('without statistics the pages decide; a column that holds a value of another type is refused by name', async () => {
  const judge = await Judge.open();
  try {
    const values = await judge.write(whole);
    const more = [
      [null, 3, null, null, null, null, 'DOUBLE'],
      [null, 4, null, null, null, null, 'DOUBLE'],
    ];
    assert.deepEqual(await read(judge, [withoutStatistics(null)]), { lines: more });
    assert.deepEqual(await read(judge, [values, withoutStatistics(null)]), { lines: [first, ...more] });
    assert.match(
      (await read(judge, [values, withoutStatistics(5)])).error!,
      /ColumnTypeMismatch: column "order_no" is INT32.*string/,
    );
  } finally {
    judge.close();
  }
});

test('a file may lack a column that the contract calls optional, and no other', async () => {
  const judge = await Judge.open();
  try {
    const values = await judge.write(whole);
    const few = await judge.write(`select * exclude (remark, weight) from (${whole})`);
    const bare = ['1', 1, 1.5, '2026-01-02', null, null, 'DOUBLE'];
    assert.deepEqual(await read(judge, [few]), { lines: [bare] });
    assert.deepEqual(await read(judge, [few, values, few]), { lines: [bare, first, bare] });
    const less = await judge.write(`select * exclude (amount) from (${whole})`);
    assert.match((await read(judge, [values, less])).error!, /MissingColumn: column "amount" is missing/);
  } finally {
    judge.close();
  }
});

describe('a day on which a column has no value', () => {
  const customers = shared('customers', {
    id: 'customer_id',
    key: { no: z.string() },
    columns: { born: type.date, score: type.int64 },
  });
  const feeds = (['plain', 'delta'] as const).map((name) =>
    pipeline({
      name,
      source: { container: 'landing', prefix: `${name}/` },
      ...(name === 'delta' && { output: { table: name } }),
      row: z.object({
        no: z.string(),
        born: z.date().nullable(),
        score: z.number().nullable(),
        price: z.string().nullable(),
        weight: z.number().optional(),
        days: z.date().nullish(),
      }),
      entities: ({ id, first, ref }) => ({
        customers: {
          kind: 'shared',
          entity: customers,
          key: { no: 'no' },
          columns: { born: first('born'), score: first('score') },
        },
        lines: {
          kind: 'rows',
          id: id('line_id'),
          columns: {
            ...({ no: 'no', born: 'born', score: 'score', price: 'price', weight: 'weight', days: 'days' } as const),
            grade_id: ref('grades', { weight: 'weight' }, { missing: 0 }),
          },
        },
        grades: { kind: 'keyed', id: id('grade_id'), key: { weight: 'weight' } },
      }),
    }),
  );
  const days = [
    `select 'a' as no, date '2001-02-03' as born, 7::bigint as score, 1.25::decimal(9, 2) as price, 3::bigint as weight,
      date '2026-01-02' as days`,
    `select 'b' as no, null as born, null as score, null as price`,
    `select 'c' as no, null::timestamp as born, null::double as score, null::date as price, null as weight, null as days`,
    `select 'd' as no, date '2001-02-03' as born, 8::bigint as score, 1.25::decimal(9, 2) as price, 4::bigint as weight,
      date '2026-01-03' as days`,
  ];

  /** What a feed has published when each of these days was a run of its own. */
  async function publishedOn(name: string, selects: readonly string[]) {
    const judge = await Judge.open();
    const sim = new Sim(registerPipelines(feeds), { batchRows: 2, partRows: 100 });
    try {
      await sim.store.ensureContainer('landing');
      for (const [day, select] of selects.entries()) {
        const bytes = await judge.write(select);
        const { etag } = await sim.store.write('landing', `${name}/${day}/a.parquet`, bytes);
        sim.sources.set(etag, bytes);
        const run = await sim.run(`r${day}`, name, `${name}/${day}/`);
        await sim.settle();
        assert.equal(run.status, 'Completed', run.error);
      }
      await checkByVerify(sim);
      return await publishedManifests({ ...sim.environments[0]!, store: sim.store });
    } finally {
      judge.close();
    }
  }

  for (const { name } of feeds) {
    test(`it is written as it was before, and as the shared entity has it: ${name}`, async () => {
      const manifests = await publishedOn(name, days);
      const types = manifests.map(({ entities }) =>
        entities.map(({ columns }) =>
          columns!.map(({ name: one, type: of }) => `${one} ${typeText(of).replace('INT_64 on ', '')}`),
        ),
      );
      assert.equal(types.length, 4);
      for (const one of types) assert.deepEqual(one, types[0]);
    });
  }

  for (const { name } of feeds) {
    test(`the first days may be such days: ${name}`, async () => {
      const manifests = await publishedOn(
        name,
        [2, 1, 0, 2, 3].map((d) => days[d]!),
      );
      if (name === 'plain') return;
      const columns = manifests.map(({ entities }) => entities[1]!.columns!);
      assert.deepEqual(
        columns.map((list) => list.map((column) => column.name).join()),
        // What the shared entity has a type of is written from the first day on.
        [
          ...Array(2).fill('line_id,no,born,score,grade_id'),
          ...Array(3).fill('line_id,no,born,score,price,weight,days,grade_id'),
        ],
      );
      const price = { kind: 'decimal', precision: 9, scale: 2 };
      for (const list of columns.slice(2)) assert.deepEqual(list[4]!.type.annotation, price);
    });
  }
});

test('a source column that is narrower than what a shared entity declares is widened, and another one refused', async () => {
  const things = shared('things', {
    id: 'thing_id',
    key: { no: z.int() },
    columns: { at: type.timestamp, price: type.decimal(12, 2), weight: type.float64, small: type.int64 },
  });
  const feed = registerPipelines([
    pipeline({
      name: 'things',
      source: { container: 'landing', prefix: 'things/' },
      row: z.object({ no: z.int(), at: z.date(), price: z.string(), weight: z.number(), small: z.number() }),
      entities: ({ first }) => ({
        things: {
          kind: 'shared',
          entity: things,
          key: { no: 'no' },
          columns: { at: first('at'), price: first('price'), weight: first('weight'), small: first('small') },
        },
      }),
    }),
  ]);
  const judge = await Judge.open();
  const sim = new Sim(feed, { batchRows: 2, partRows: 100 });
  try {
    await sim.store.ensureContainer('landing');
    const run = async (day: number, price: string) => {
      const bytes = await judge.write(
        `select ${day} as no, '2026-01-02 03:04:05'::timestamp_ms::timestamptz as at, ${price} as price,
          0.1::float as weight, 7::smallint as small`,
      );
      const { etag } = await sim.store.write('landing', `things/${day}/a.parquet`, bytes);
      sim.sources.set(etag, bytes);
      const { status, error } = await sim.run(`r${day}`, 'things', `things/${day}/`);
      await sim.settle();
      return status === 'Completed' ? undefined : error;
    };
    assert.equal(await run(1, '1.25::decimal(6, 2)'), undefined);
    assert.equal(await run(2, '12345678.25::decimal(10, 2)'), undefined);
    assert.match((await run(3, '1.250::decimal(9, 3)'))!, /"price" is DECIMAL\(9,3\).*and DECIMAL\(12,2\)/);
    await checkByVerify(sim);
    const files = sim.store.names('published', 'things/things/').filter((name) => name.endsWith('.parquet'));
    const paths = files.map((name, i) => `'${judge.put(`t${i}.parquet`, sim.store.bytes('published', name))}'`);
    const rows = await judge.rows(
      `select price::varchar as p, weight, small, typeof(price) as t from read_parquet([${paths.join()}]) order by no`,
    );
    const tenth = Math.fround(0.1);
    assert.deepEqual(
      rows.map((row) => Object.values(row)),
      [
        ['1.25', tenth, '7', 'DECIMAL(12,2)'],
        ['12345678.25', tenth, '7', 'DECIMAL(12,2)'],
      ],
    );
  } finally {
    judge.close();
  }
});

describe('a day on which a key has no value', () => {
  const feed = registerPipelines([
    pipeline({
      name: 'notes',
      source: { container: 'landing', prefix: 'notes/' },
      row: z.object({
        line: z.int(),
        word: z.string().nullable(),
        number: z.int().nullable(),
        at: z.date().nullable(),
      }),
      onBadFile: 'set-aside',
      maxBadFiles: 0.8,
      entities: ({ id, ref, first }) => ({
        words: { kind: 'keyed', id: id('word_id'), key: { word: 'word' }, columns: { at: first('at') } },
        numbers: { kind: 'keyed', id: id('number_id'), key: { number: 'number' } },
        days: { kind: 'keyed', id: id('day_id'), key: { at: 'at' } },
        lines: {
          kind: 'rows',
          id: id('line_id'),
          columns: {
            line: 'line',
            word_id: ref('words', { word: 'word' }),
            number_id: ref('numbers', { number: 'number' }),
            day_id: ref('days', { at: 'at' }),
          },
        },
      }),
    }),
  ]);
  const full = (line: number, type: string) =>
    `select ${line} as line, 'w' as word, 7::${type} as number, date '2026-01-02' as at`;
  const none = (line: number) => `select ${line} as line, null as word, null as number, null as at`;

  for (const way of ['bigint', 'integer']) {
    for (const isShort of [false, true]) {
      test(`is a run like others, also beside a bad file: ${way}, ${isShort ? 'the short way' : 'the long way'}`, async () => {
        const judge = await Judge.open();
        const sim = new Sim(feed, { batchRows: 2, partRows: 100, short: isShort });
        try {
          await sim.store.ensureContainer('landing');
          const put = async (name: string, bytes: Uint8Array) => {
            const { etag } = await sim.store.write('landing', `notes/${name}.parquet`, bytes);
            sim.sources.set(etag, bytes);
          };
          const run = async (day: number) => {
            const { status, error } = await sim.run(`r${day}`, 'notes', `notes/${day}/`);
            await sim.settle();
            assert.equal(status, 'Completed', error);
          };
          await put('1/a', await judge.write(full(1, way)));
          await run(1);
          await put('2/a', await judge.write(none(2)));
          await put('2/bad', new TextEncoder().encode('no Parquet'));
          await run(2);
          await put('3/a', await judge.write(full(3, way)));
          await run(3);
          await checkByVerify(sim);
          const files = sim.store.names('published', 'notes/lines/').filter((name) => name.endsWith('.parquet'));
          const paths = files.map((name, i) => `'${judge.put(`l${i}.parquet`, sim.store.bytes('published', name))}'`);
          const rows = await judge.rows(`select * from read_parquet([${paths.join()}]) order by line`);
          assert.deepEqual(
            rows.map((row) => Object.values(row).map((value) => (value === null ? null : Number(value)))),
            [
              [1, 1, 1, 1, 1],
              [2, 2, null, null, null],
              [3, 3, 1, 1, 1],
            ],
          );
        } finally {
          judge.close();
        }
      });
    }
  }

  test('and the first run of all may be such a day', async () => {
    const judge = await Judge.open();
    const sim = new Sim(feed, { batchRows: 2, partRows: 100 });
    try {
      await sim.store.ensureContainer('landing');
      for (const [day, bytes] of [await judge.write(none(1)), await judge.write(full(2, 'bigint'))].entries()) {
        const { etag } = await sim.store.write('landing', `notes/${day}/a.parquet`, bytes);
        sim.sources.set(etag, bytes);
        const { status, error } = await sim.run(`r${day}`, 'notes', `notes/${day}/`);
        await sim.settle();
        assert.equal(status, 'Completed', error);
      }
      await checkByVerify(sim);
    } finally {
      judge.close();
    }
  });
});
