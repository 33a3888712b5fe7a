/** The work of a short run in memory: one at a time in each process, kept for its own next phase and for nobody else. */
import assert from 'node:assert/strict';
import { test, vi } from 'vitest';
import { beginSplit, keepWork, newWork, takeWork } from '../../src/documents/run-work.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { limits } from '../../src/limits.ts';
import { MemoryStore } from '../support/memory-store.ts';

function process(): Environment {
  const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
  return { store: new MemoryStore(), config, pipelines: new Map() };
}
const of = (runId: string, life = 1, plan = 'p1') => ({ runId, life, plan });

test('work is taken once, by its own life and plan', () => {
  const one = process();
  const own = newWork(one, of('a'));
  assert.deepEqual([own.of, own.plan, own.environment.workInMemory], [{ runId: 'a', life: 1 }, 'p1', true]);
  keepWork(one, own);
  for (const other of [of('b'), of('a', 2), of('a', 1, 'p2')]) assert.equal(takeWork(one, other), undefined);
  assert.equal(takeWork(process(), of('a')), undefined, 'another process has nothing of it');
  assert.equal(takeWork(one, of('a')), own);
  assert.equal(takeWork(one, of('a')), undefined);
  assert.notEqual(newWork(one, of('a')).number, own.number);
});

test('a process splits one short run at a time, and none beside the work of another', () => {
  const one = process();
  const ended = beginSplit(one, of('a'));
  assert.ok(ended);
  assert.equal(beginSplit(one, of('b')), undefined);
  assert.equal(beginSplit(one, of('a')), undefined);
  assert.ok(beginSplit(process(), of('b')));
  ended();
  ended();
  const again = beginSplit(one, of('b'));
  assert.ok(again, 'an end that is told twice counts once');
  assert.equal(beginSplit(one, of('c')), undefined);
  again();
  keepWork(one, newWork(one, of('a')));
  assert.equal(beginSplit(one, of('b')), undefined);
  // An earlier life of the same run is over.
  beginSplit(one, of('a', 2))!();
  takeWork(one, of('a'));
  assert.ok(beginSplit(one, of('b')));
});

test('what nobody takes is forgotten after a while; newer work is not', () => {
  vi.useFakeTimers();
  try {
    const one = process();
    const seconds = (count: number) => vi.advanceTimersByTime(count * 1000);
    keepWork(one, newWork(one, of('a')));
    seconds(limits.shortKeptSecondsMax - 1);
    const newer = newWork(one, of('b'));
    keepWork(one, newer);
    seconds(2);
    assert.equal(takeWork(one, of('b')), newer);
    keepWork(one, newer);
    seconds(limits.shortKeptSecondsMax + 1);
    assert.equal(takeWork(one, of('b')), undefined);
  } finally {
    vi.useRealTimers();
  }
});
