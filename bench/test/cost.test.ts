/** What a run costs: how requests are billed, and how the price follows. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'vitest';
import { costTables } from '../cost.ts';
import { answer, type Counts, costOf, estimator, monthOf, prices } from '../cost-model.ts';
import { kindOf } from '../counting-proxy.ts';

const counts: Counts = {
  rows: 2_000_000,
  files: 1,
  activities: 30,
  seconds: 10,
  messages: 50,
  blobs: { writes: 200, reads: 400, deletes: 7 },
};

describe('the cost of a run', () => {
  it('is billed by operation: lists as writes, properties as reads, deletes not at all', () => {
    const kind = (method: string, query = '') => kindOf(method, new URLSearchParams(query));
    assert.deepEqual(
      [
        kind('PUT', 'comp=block'),
        kind('GET', 'restype=container&comp=list'),
        kind('GET'),
        kind('HEAD'),
        kind('DELETE'),
      ],
      ['writes', 'writes', 'reads', 'reads', 'deletes'],
    );
  });

  it('is requests, seconds and executions by their prices, for as many rows as are asked for', () => {
    const of = (millions: number) => costOf(counts, millions).map(({ dollars }) => dollars);
    const [compute, executions, writes, reads] = of(1);
    assert.equal(compute, 5 * 4 * prices.gigabyteSecond);
    assert.equal(executions, 40 * prices.execution);
    assert.equal(writes, 100 * prices.blobWrite);
    assert.equal(reads, 200 * prices.blobRead);
    const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum(of(3)) - 3 * sum(of(1))) < 1e-12);
    assert.match(costTables(counts), /\| blob requests that write or list \| 200 \| 100 \|/);
  });

  it('of a load that was not run follows from three that were, which it gives back', () => {
    const run = (rows: number, files: number, writes: number): Counts => ({
      ...{ rows, files, activities: rows / 1e6 + files, seconds: 0, messages: 40 },
      blobs: { writes, reads: 2 * files, deletes: 0 },
    });
    const small = run(1e6, 1, 30);
    const large = run(3e6, 1, 70);
    const many = run(3e6, 11, 170);
    const estimate = estimator({ small, large, many });
    for (const known of [small, large, many]) assert.deepEqual(estimate(known.rows, known.files, 0), known);
    // 20 for a million rows, 10 for each file.
    assert.equal(estimate(5e6, 21, 9).blobs.writes, 310);
    assert.equal(estimate(5e6, 21, 9).seconds, 9);
    // Fewer than were counted cost nothing less than nothing.
    assert.ok(estimator({ small: large, large: small, many })(1, 1, 0).blobs.writes >= 0);
  });

  it('of a month is that of its runs, of what waits, and nothing where there is no price', () => {
    const dollars = (runsPerDay: number, ready: number) =>
      monthOf(counts, { runsPerDay, ready }, { ...prices, readyGigabyteSecond: 1e-6 }).map((each) => each.dollars);
    const [compute] = dollars(2, 0);
    assert.ok(Math.abs(compute! - 60 * 10 * 4 * prices.gigabyteSecond) < 1e-9);
    assert.equal(dollars(0, 0)[5], 1e6 * prices.queueOrTable);
    assert.equal(dollars(0, 1)[7], 30 * 86_400 * 4 * 1e-6);
    assert.equal(dollars(2, 0).at(-1), undefined);
    // An activity is two actions, a message one.
    assert.equal(
      monthOf(counts, { runsPerDay: 1, ready: 0 }, { ...prices, schedulerAction: 1 }).at(-1)!.dollars,
      30 * (2 * 30 + 50),
    );
  });

  it('is what docs/cost.md says', async () => {
    const page = await readFile(new URL('../../docs/cost.md', import.meta.url), 'utf8');
    const [, asked = '', shown = ''] = /npm run cost -- (.+)\n```\n.*?```\n(Runs.+?)```/s.exec(page)!;
    const given = Object.fromEntries([...asked.matchAll(/--(\w+) (\S+)/g)].map(([, name, value]) => [name, value]));
    const lines = answer(given).split('\n');
    const told = shown.split('\n').filter((line) => line !== '' && line !== '...');
    assert.ok(told.length > 8);
    assert.deepEqual(
      told.filter((line) => !lines.includes(line)),
      [],
    );
  });

  it('is answered on the command line, and options that are wrong are named', () => {
    const table = answer({ rows: '3000000', files: '10', runs: '24' });
    assert.match(table, /Runs a day: 24\. Rows of a run: 3,000,000, in 10 source files\./);
    assert.match(table, /\| blob writes and lists \(hot, LRS\) \| 146,160 requests \| \$0\.9500 \|/);
    assert.match(answer({ rows: '1', price: ['schedulerAction=0.001'] }), /actions \| \$\d/);
    assert.throws(() => answer({ rows: 'many' }), /rows/);
    assert.throws(() => answer({ rows: '1', price: ['oil=3'] }), /PART is one of gigabyteSecond/);
  });
});
