/** The pipeline lines and the SQL of docs/dimensions.md, run as they stand there: over a simulated store, with DuckDB. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type PipelineDefinition, registerPipelines } from '../../src/pipeline/index.ts';
import { Judge } from '../parquet/support/duckdb.ts';
import { checkByVerify } from '../run/support/check.ts';
import { Sim } from '../run/support/sim.ts';

const root = new URL('../../', import.meta.url);
const page = fs.readFileSync(new URL('docs/dimensions.md', root), 'utf8');
const blocks = [...page.matchAll(/^```(ts|js|sql)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language,
  text: text!,
}));
const modules = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
const queries = blocks.filter(({ language }) => language === 'sql').map(({ text }) => text);

/** What the page's modules export, by name. */
async function definitions(folder: string, leftOut?: string): Promise<Record<string, PipelineDefinition>> {
  const all: Record<string, PipelineDefinition> = {};
  for (const [i, whole] of modules.entries()) {
    const text = leftOut === undefined ? whole : whole.replace(leftOut, '');
    const file = path.join(folder, `module-${i}${leftOut === undefined ? '' : '-less'}.ts`);
    const own = text
      .replace("'../src/pipeline/index.ts'", `'${new URL('src/pipeline/index.ts', root).href}'`)
      .replace("'zod'", `'${import.meta.resolve('zod')}'`);
    fs.writeFileSync(file, own);
    Object.assign(all, await import(file));
  }
  return all;
}

let judge: Judge;
const results: unknown[][] = [];

const said = (no: string, name: string, city: string, day: string) =>
  `select 'customer' as kind, '${no}' as customer_no, '${name}' as name, '${city}' as city, timestamp '${day}' as said_at, null::varchar as order_no, null::double as amount`;
const ordered = (no: string | null, order: string, amount: number, day: string) =>
  `select 'order', ${no === null ? 'null' : `'${no}'`}, null, null, timestamp '${day}', '${order}', ${amount}`;
const seen = (no: string, page: string) => `select '${no}' as customer_no, '${page}' as page`;

const days: [pipeline: string, rows: string[]][] = [
  [
    'shop',
    [
      said('K1', 'Ann', 'Ulm', '2026-01-01'),
      ordered('K1', 'A1', 10, '2026-01-01'),
      ordered('K2', 'A2', 20, '2026-01-01'),
    ],
  ],
  ['web', [seen('K2', 'home'), seen('K3', 'home'), seen('K2', 'shoes')]],
  ['shop', [said('K2', 'Bob', 'Bonn', '2026-01-02'), ordered(null, 'A3', 30, '2026-01-02')]],
  ['shop', [said('K1', 'Ann', 'Kiel', '2026-01-03'), said('K3', 'Cem', 'Hof', '2026-01-03')]],
];

/** Runs the days, and has the published files in a folder of the judge. */
async function published(folder: string, pipelines: Record<string, PipelineDefinition>): Promise<void> {
  const { shop, web } = pipelines;
  const sim = new Sim(registerPipelines([shop!, web!]), { batchRows: 100, partRows: 100 });
  await sim.store.ensureContainer('landing');
  for (const [day, [pipeline, rows]] of days.entries()) {
    const bytes = await judge.write(rows.join(' union all '));
    const name = `${pipeline}/${day}/rows.parquet`;
    const { etag } = await sim.store.write('landing', name, bytes);
    sim.sources.set(etag, bytes);
    const run = await sim.run(`day-${day}`, pipeline, `${pipeline}/${day}/`);
    await sim.settle();
    assert.equal(run.status, 'Completed', run.error);
  }
  await checkByVerify(sim);
  for (const name of sim.store.names('published').filter((blob) => blob.endsWith('.parquet'))) {
    const file = judge.path(path.join(folder, name));
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, sim.store.bytes('published', name));
  }
}

/** The rows of a query of the page, as texts. */
async function asked(query: string, folder = 'published'): Promise<(string | null)[][]> {
  const rows = await judge.rows(query.replaceAll("'published/", `'${judge.path(folder)}/`));
  return rows.map((row) => Object.values(row).map((cell) => (cell === null ? null : String(cell))));
}

describe('docs/dimensions.md', () => {
  beforeAll(async () => {
    judge = await Judge.open();
    await published('published', await definitions(judge.directory));
    for (const query of queries) {
      if (query.startsWith('create')) await judge.run(query.replaceAll("'published/", `'${judge.path('published')}/`));
      else results.push(await asked(query));
    }
  });
  afterAll(() => judge.close());

  test('type 0: the first description, also one that came late', () => {
    assert.deepEqual(results[0], [
      ['K1', 'Ann', 'Ulm'],
      ['K2', 'Bob', 'Bonn'],
      ['K3', 'Cem', 'Hof'],
    ]);
  });
  test('type 1: what was said last', () => {
    assert.deepEqual(results[1], [
      ['K1', 'Ann', 'Kiel'],
      ['K2', 'Bob', 'Bonn'],
      ['K3', 'Cem', 'Hof'],
    ]);
  });
  test('type 2: each version with its time', () => {
    assert.deepEqual(results[2], [
      ['K1', 'Ulm', '2026-01-01', '2026-01-03'],
      ['K1', 'Kiel', '2026-01-03', null],
      ['K2', 'Bonn', '2026-01-02', null],
      ['K3', 'Hof', '2026-01-03', null],
    ]);
  });
  test('early-arriving facts: the fact has the ID at once, and the name when it is known', () => {
    assert.deepEqual(results[3], [
      ['A1', '1', 'K1', 'Ann'],
      ['A2', '2', 'K2', 'Bob'],
      ['A3', '0', null, null],
    ]);
  });
  test('the unknown member: an inner join loses no fact', () => {
    assert.deepEqual(results[4], [
      ['A1', '1', 'Ann'],
      ['A2', '2', 'Bob'],
      ['A3', '0', 'unknown'],
    ]);
  });
  test('conformed: facts of two pipelines by one dimension', () => {
    assert.deepEqual(
      (results[5] as string[][]).map(([no, amount, visits]) => [no, Number(amount), Number(visits)]),
      [
        ['K1', 10, 0],
        ['K2', 20, 2],
        ['K3', 0, 1],
        ['unknown', 30, 0],
      ],
    );
  });
  test('type 0 needs no onChange: each customer is described once, by the first row', async () => {
    const line = "onChange: 'report',";
    assert.ok(modules.some((text) => text.includes(line)));
    await published('less', await definitions(judge.directory, line));
    const [view, typeZero] = queries;
    await judge.run(view!.replaceAll("'published/", `'${judge.path('less')}/`));
    assert.deepEqual(await asked(typeZero!, 'less'), results[0]);
    const [times] = await asked(
      'select max(times) from (select count(*) as times from customers_told group by customer_id)',
    );
    assert.deepEqual(times, ['1']);
  });
  test('the lines that the page shows by themselves are lines of its pipelines', () => {
    const lines = new Set(modules.flatMap((text) => text.split('\n').map((line) => line.trim())));
    const shown = blocks.filter(({ language }) => language === 'js').flatMap(({ text }) => text.trim().split('\n'));
    assert.ok(shown.length > 5);
    for (const line of shown) assert.ok(lines.has(line.trim()), line);
  });
  test('every query of the page was asked', () => assert.equal(results.length, queries.length - 1));
});
