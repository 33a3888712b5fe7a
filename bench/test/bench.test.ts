/** The benchmark on a few rows: every contestant publishes the same, a difference is noticed, and it is written down. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Duck, literal } from '../../tools/duckdb.ts';
import { peersInstalled } from '../../tools/peers.ts';
import { benchDaily } from '../daily.ts';
import { benchEngines } from '../engines.ts';
import { difference } from '../equal.ts';
import { linearity, ratio, writeReport } from '../report.ts';
import type { Result } from '../result.ts';

const result = (engine: Result['engine'], scope: Result['scope'], rows: number, wall: number): Result => ({
  set: 'flights',
  scope,
  engine,
  threads: 1,
  rows,
  cold: false,
  runs: 3,
  wall_s_median: wall,
  wall_s_cold: wall * 2,
  cpu_s_median: wall,
  peak_rss_mib: 100,
  bytes_published: 1,
});

describe('the benchmark', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-bench-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.skipIf(!peersInstalled)('has every contestant publish the same rows and IDs', async () => {
    const lines: string[] = [];
    const results = await benchEngines({
      sets: ['flights', 'sales'],
      engines: ['ordinal', 'duckdb', 'duckdb-checked', 'polars', 'dsnp'],
      colds: 1,
      runs: 1,
      warmUps: 0,
      threads: [1],
      rows: 5_000,
      log: (line) => lines.push(line),
    });
    const who = results.map(({ set, engine, threads }) => `${set} ${engine} ${threads}`);
    assert.equal(new Set(who).size, 10);
    assert.equal(lines.length, 20);
    // Of each a warm row and a cold one.
    assert.deepEqual(
      results.map(({ cold }) => cold),
      Array.from({ length: 20 }, (_, i) => i % 2 === 1),
    );
    for (const one of results) {
      assert.equal(one.rows, 5_000);
      assert.ok(one.wall_s_median > 0 && one.cpu_s_median > 0 && one.peak_rss_mib > 0 && one.bytes_published > 0);
    }
    const ordinal = results.filter((one) => one.engine === 'ordinal');
    assert.ok(ordinal.every((one) => one.blob_requests! > 10 && one.bytes_read! > 0 && one.bytes_written! > 0));
  });

  it('loads a day against known keys, and each run finds the same keys new', async () => {
    const options = { sets: [], engines: [], colds: 2, runs: 0, warmUps: 0, rows: 2_000, known: 10_000, log: () => {} };
    const results = await benchDaily(options);
    assert.deepEqual(
      results.map(({ set, scope, engine, cold, runs }) => [set, scope, engine, cold, runs]),
      ['ordinal', 'duckdb'].flatMap((engine) => [
        ['daily', 'blob', engine, false, 0],
        ['daily', 'blob', engine, true, 2],
      ]),
    );
    for (const one of results) assert.ok(one.requests! > 3 && one.known === 10_000 && one.wall_s_median > 0);
  });

  it('notices one other ID, one row less and one other type', async () => {
    const duck = await Duck.open({ tempFolder: folder });
    try {
      const file = async (name: string, select: string): Promise<Record<string, string[]>> => {
        const target = path.join(folder, `${name}.parquet`);
        await duck.run(`copy (${select}) to ${literal(target)} (format parquet)`);
        return { rows: [target] };
      };
      const select = (extra: string) =>
        `select range + 1 as id, range * 2 as value, null::INT as none from range(100) ${extra}`;
      const one = await file('one', select(''));
      assert.equal(await difference(duck, one, await file('reversed', select('order by id desc'))), undefined);
      const others = {
        less: await file('less', select('where range <> 50')),
        value: await file('value', `select id, if(id = 50, 0, value) as value, none from (${select('')})`),
        id: await file('id', `select if(id = 50, 500, id) as id, value, none from (${select('')})`),
        type: await file('type', `select id, value::INT as value, none from (${select('')})`),
      };
      for (const [name, other] of Object.entries(others)) assert.ok(await difference(duck, one, other), name);
    } finally {
      duck.close();
    }
  });

  it('computes ratios against DuckDB of the same race, and how straight growth is', () => {
    const results = [
      result('ordinal', 'engine', 1000, 0.5),
      result('duckdb', 'engine', 1000, 2),
      result('duckdb', 'growth', 1000, 9),
    ];
    assert.equal(ratio(results[0]!, results), 4);
    const straight = [1, 2, 5, 10].map((rows) => ({ rows, seconds: 0.1 + rows * 0.3 }));
    const { above, below } = linearity(straight);
    assert.ok(Math.abs(above) < 1e-9 && Math.abs(below) < 1e-9);
    const bent = linearity([...straight, { rows: 20, seconds: 12 }]);
    assert.ok(bent.above > 0.15 && bent.below < -0.05);
  });

  it('replaces its own part of the document and leaves the rest', async () => {
    const file = path.join(folder, 'benchmarks.md');
    const section = (scope: string) => `<!-- ${scope}: written by npm run bench -->\nold\n<!-- /${scope} -->`;
    await writeFile(file, `before\n${section('engine')}\nbetween\n${section('growth')}\nafter\n`);
    writeReport(
      [
        result('ordinal', 'engine', 1000, 0.5),
        result('duckdb', 'engine', 1000, 2),
        { ...result('ordinal', 'engine', 1000, 999), cold: true },
      ],
      'npm run bench',
      '2026-01-31',
      folder,
    );
    const text = await readFile(file, 'utf8');
    assert.match(text, /^before\n/);
    assert.doesNotMatch(text, /999/);
    assert.match(text, /\| Ordinal \| 1 \| 0\.50 \| 4\.00× \|/);
    assert.ok(text.endsWith(`between\n${section('growth')}\nafter\n`));
    assert.match(
      await readFile(path.join(folder, 'benchmarks-engine.svg'), 'utf8'),
      /^<svg [\s\S]*Ordinal, 1[\s\S]*<\/svg>\n$/,
    );
  });
});
