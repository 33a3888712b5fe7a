/** What sealing answers, and that references find their IDs in an index of several partitions, from ID 0 on. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { hashKey } from '../../src/keys/hash-key.ts';
import { partitionOf } from '../../src/keys/key-index.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { sealKeyed } from '../../src/seal/activity.ts';
import { Engine } from '../engine/support/drive.ts';
import { readRows } from '../run/support/published.ts';
import { shopFile } from '../run/support/shop.ts';

const orders = registerPipelines([
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ customer: z.string(), quantity: z.int() }),
    entities: ({ id, ref, first }) => ({
      people: {
        kind: 'keyed',
        id: id('person_id', { start: 0 }),
        key: { name: 'customer' },
        partitions: 3,
        publish: 'seen',
        columns: { quantity: first('quantity') },
      },
      lines: { kind: 'rows', id: id('line_id'), columns: { person_id: ref('people', { name: 'customer' }) } },
    }),
  }),
]).get('p')!;

const letters = [...'abcdefghijklmnop'];

test('references have the IDs of new and of known keys in every partition', async () => {
  const engine = new Engine(orders);
  const ids = new Map<string, bigint>();
  // The first run has keys of the last partition alone, which so begins with ID 0.
  const last = letters.filter((letter) => {
    const bytes = Buffer.from(letter);
    return partitionOf(hashKey(bytes, 0, bytes.length), 3) === 2;
  });
  assert.ok(last.length > 1);
  for (const [r, names] of [last.slice(1), letters].entries()) {
    const rows = names.map((customer, quantity) => ({ customer, product: '', quantity }));
    await engine.upload(`in/${r}/0.parquet`, shopFile(rows));
    await engine.run(`r${r}`, `in/${r}/`);
    for (const { bytes, name } of engine.published('people', `r${r}-`)) {
      for (const { name: key, person_id: id } of await readRows(bytes)) {
        if (name.includes('known')) assert.equal(ids.get(String(key)), id);
        else ids.set(String(key), id as bigint);
      }
    }
    const [lines] = engine.published('lines', `r${r}-`);
    assert.deepEqual(
      (await readRows(lines!.bytes)).map(({ person_id: id }) => id),
      names.map((key) => ids.get(key)),
    );
  }
  assert.deepEqual(
    [...ids.values()].map(Number).sort((a, b) => a - b),
    [...ids.keys()].map((_, i) => i),
  );

  // Executed again, it answers the same: a tag of its own, and the row groups of all of its datasets.
  const answers = await Promise.all(
    [0, 1, 2].map((partition) => engine.activity(sealKeyed, { runId: 'r1', entity: 'people', partition })),
  );
  const groups = (partition: number) =>
    engine.published('people', 'r1-').filter(({ name }) => name.includes(`r1-0000${partition}`)).length;
  assert.deepEqual(
    answers,
    [0, 1, 2].map((partition) => ({ sealed: `k-people-00${partition}`, rowGroups: groups(partition) })),
  );
  assert.deepEqual([0, 1, 2].map(groups), [1, 1, 2], 'new and known keys are datasets of their own');
});
