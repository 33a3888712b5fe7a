/** What a run costs: how requests are billed, and how the price follows. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { type Counts, costOf, costTables, prices } from '../../bench/cost.ts';
import { kindOf } from '../../bench/counting-proxy.ts';

const counts: Counts = {
  rows: 2_000_000,
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
});
