/** Documents that a process keeps: read once, bounded in number and bytes, the one unused for longest leaves first. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { keep } from '../../src/documents/document-cache.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { underLimits } from '../support/limits.ts';

/** A cache that says what had to be loaded. */
function cache() {
  const environment = {} as Environment;
  const loaded: string[] = [];
  const ask = async (key: string, bytes = 1) =>
    await keep(environment, key, async () => {
      loaded.push(key);
      return { value: `value of ${key}`, bytes };
    });
  return { ask, loaded: () => loaded.splice(0).join('') };
}

test('a document is read once in each environment', async () => {
  const [one, other] = [cache(), cache()];
  for (const { ask } of [one, other, one]) assert.equal(await ask('a'), 'value of a');
  assert.deepEqual([one.loaded(), other.loaded()], ['a', 'a']);
});

test('the one unused for longest leaves first, by number and by bytes', async () => {
  await underLimits({ keptDocumentsMax: 3, keptBytesMax: 10 }, async () => {
    const { ask, loaded } = cache();
    for (const key of ['a', 'b', 'c', 'a', 'd']) await ask(key);
    assert.equal(loaded(), 'abcd');
    for (const key of ['c', 'a', 'd']) await ask(key);
    assert.equal(loaded(), '', 'b has left, and nothing else');
    await ask('b');
    assert.equal(loaded(), 'b');
    // Of a, d and b the oldest two make room for eight bytes; exactly ten are no reason to let one go.
    await ask('e', 9);
    await ask('b');
    assert.equal(loaded(), 'e');
    await ask('f', 11);
    assert.equal(await ask('f', 11), 'value of f');
    assert.equal(loaded(), 'ff', 'what is larger than all is not kept');
    await ask('e', 9);
    assert.equal(loaded(), 'e', 'and leaves nothing else beside it');
  });
});

test('what fails is not kept', async () => {
  const environment = {} as Environment;
  await assert.rejects(
    keep(environment, 'a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await keep(environment, 'a', async () => ({ value: 1, bytes: 1 })), 1);
});
