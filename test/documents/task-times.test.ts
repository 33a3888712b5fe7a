/** Times of a task in a blob's metadata: read as they were written, and in order, whatever the clocks say. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { beginTask, taskTimesOf } from '../../src/documents/task-times.ts';
import type { Environment } from '../../src/environment/environment.ts';

test('what a task writes is read again', () => {
  const before = Date.now();
  const environment = { config: { worker: 'w1' } } as unknown as Environment;
  for (const queuedAt of [before - 5, undefined]) {
    const times = taskTimesOf(beginTask(environment, { queuedAt })());
    assert.ok(times && times.started >= before && times.ended >= times.started && times.ended <= Date.now());
    assert.deepEqual([times.queued, times.worker], [queuedAt, 'w1']);
  }
});

test('clocks of several machines never put the end before the beginning', () => {
  assert.deepEqual(taskTimesOf({ times: '50,40,30,w' }), { queued: 40, started: 40, ended: 40, worker: 'w' });
  assert.deepEqual(taskTimesOf({ times: '20,40,60,w' }), { queued: 20, started: 40, ended: 60, worker: 'w' });
  assert.deepEqual(taskTimesOf({ times: ',40,60,w/1' }), { queued: undefined, started: 40, ended: 60, worker: 'w/1' });
});

test('what is no time is none', () => {
  for (const times of ['', '1,2,3', '1,2,3,', 'x,2,3,w', '1,,3,w', '1,2,3,w,x', `1,2,3,${'w'.repeat(41)}`, '-1,2,3,w'])
    assert.equal(taskTimesOf({ times }), undefined, times);
  assert.equal(taskTimesOf({}), undefined);
});
