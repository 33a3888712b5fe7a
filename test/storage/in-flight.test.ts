/** Requests in flight: never too many, in order, and none is left running when the first failure is told. */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { test } from 'vitest';
import { mapBounded } from '../../src/storage/in-flight.ts';

test('at most so many run at a time, and results are in the order of the items', async () => {
  let running = 0;
  let most = 0;
  const results = await mapBounded([5, 1, 4, 2, 3].values(), 2, async (ms, index) => {
    most = Math.max(most, ++running);
    await setTimeout(ms);
    running--;
    return `${index}:${ms}`;
  });
  assert.deepEqual(results, ['0:5', '1:1', '2:4', '3:2', '4:3']);
  assert.equal(most, 2);
});

test('after a failure nothing starts, what runs ends, and the first failure is thrown', async () => {
  const log: string[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const mapped = mapBounded([0, 1, 2, 3, 4], 3, async (item) => {
    log.push(`${item} starts`);
    await gates[item]!.promise;
    log.push(`${item} ends`);
  });
  let thrown: unknown;
  const settled = mapped.catch((reason: unknown) => {
    log.push('thrown');
    thrown = reason;
  });
  gates[1]!.reject(new Error('first'));
  await setTimeout(5);
  assert.deepEqual(log, ['0 starts', '1 starts', '2 starts'], 'not told while others run');
  gates[2]!.reject(new Error('second'));
  gates[0]!.resolve();
  await settled;
  assert.deepEqual(log, ['0 starts', '1 starts', '2 starts', '0 ends', 'thrown']);
  assert.equal((thrown as Error).message, 'first');
});
