/** Remedies are orders: each begins with a verb in the imperative and ends with a full stop. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { remediesOf } from '../../tools/api/remedies.ts';
import { checksInstalled } from '../../tools/peers.ts';

/** How remedies begin today. A new verb is welcome here; "the column must be", "it was given up" and the like are not verbs. */
const verbs = new Set(
  (
    'Ask Begin Check Correct Count Create Cut Declare Delete Deploy Describe Do End Feed Find Flatten Follow Give Keep Leave Let Load Make Map Name Publish Put ' +
    'Raise Read Rebuild Refer Register Remove Rename Reserve Restore Run Say See Send Set Split Start State Stop Take Try Upload Use Wait Withdraw ' +
    'Write'
  ).split(' '),
);

/** A whole sentence at the end may be put in at run time: `didYouMean` gives one. */
const wrong = (text: string) => !verbs.has(text.split(/[ :,]/)[0]!) || !/\.( …)?$/.test(text) || text.endsWith('...');

it.skipIf(!checksInstalled)('remedies begin with an imperative and end with a full stop', () => {
  const remedies = remediesOf(fileURLToPath(new URL('../..', import.meta.url)));
  expect(remedies.length).toBeGreaterThan(120);
  assert.deepEqual(
    remedies.filter(({ text }) => wrong(text)),
    [],
  );
});

it('others are noticed', () => {
  for (const text of ['use another', 'It was given up: start again.', 'Use another', 'Use z.object({ ... ']) {
    assert.ok(wrong(text), text);
  }
});
