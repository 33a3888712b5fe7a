/** The bit that says whether a key was described: any history of runs, merges and rebuilt ranges finds what a set finds. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { compact, mergeable } from '../../src/keys/compact.ts';
import { isScattered, placeOfId, undescribedOf } from '../../src/keys/described.ts';
import { type Described, emptyHead, indexBlobs } from '../../src/keys/index-documents.ts';
import { readHead, settlePending, withPending } from '../../src/keys/key-index.ts';
import { segmentOf } from '../../src/keys/segment.ts';
import { stageDescribed } from '../../src/resolve/described-keys.ts';
import { Uploads } from '../../src/storage/in-flight.ts';
import { mulberry32 } from '../run/support/sim-steps.ts';
import { IndexWorld, tableOf } from './support.ts';

const owner = 'shop.people';

interface History {
  seed: number;
  /** First ID and step of the sequence. */
  start: bigint;
  step: bigint;
  /** Share of a run's new keys that it describes. */
  share: number;
}

/** Runs that describe some of their new keys and some known ones, and publish or do not. Gives what is expected. */
async function lived({ seed, start, step, share }: History) {
  const random = mulberry32(seed);
  const world = await new IndexWorld().open();
  const { store, container } = world.at;
  const ids: bigint[] = [];
  const described = new Set<bigint>();
  for (let run = 0; run < 30; run++) {
    const head = await settlePending(world.at, world.published);
    const count = Math.floor(random() * 500);
    const fresh = Array.from({ length: count }, (_, i) => i).filter(() => random() < share);
    const candidates = ids.filter(() => random() < 0.3);
    const uploads = new Uploads(4);
    const of = { owner, step, life: { runId: `r${run}`, life: 1 } };
    const told = await stageDescribed(uploads, world.at, head, of, fresh.map(BigInt), candidates);
    await uploads.done();
    assert.deepEqual(
      [...told.late],
      candidates.filter((id) => !described.has(id)).sort((a, b) => (a < b ? -1 : 1)),
      `run ${run}`,
    );
    if (count === 0) continue;
    const blob = indexBlobs.delta('index', 1, 0, `r${run}`);
    const { bytes, place } = segmentOf(tableOf(Array.from({ length: count }, (_, i) => `${run}-${i}`)));
    await store.write(container, blob, bytes);
    const delta = { blob, ...place };
    const manifest = { container: '', name: '' };
    const pending = {
      runId: `r${run}`,
      life: 1,
      entity: 'people',
      manifest,
      delta,
      ...(told.described && { described: told.described }),
    };
    await settlePending(world.at, world.published, (now) => withPending(now, run, pending));
    if (random() < 0.2) continue;
    const first = start + BigInt(ids.length) * step;
    // In two ranges, as after a failure.
    const half = BigInt(count) / 2n;
    const ranges = [
      { first: String(first), count: String(half) },
      { first: String(first + half * step), count: String(BigInt(count) - half) },
    ].filter((range) => range.count !== '0');
    world.manifests.set(`r${run}`, { step: String(step), ranges });
    for (const ordinal of fresh) described.add(first + BigInt(ordinal) * step);
    for (const id of told.late) described.add(id);
    for (let i = 0; i < count; i++) ids.push(first + BigInt(i) * step);
    if (random() < 0.5) await settlePending(world.at, world.published);
    if (random() < 0.4) await compact(world.at, 2 + Math.floor(random() * 3));
  }
  await settlePending(world.at, world.published);
  return { world, ids, described };
}

async function checkAll({ world, ids, described }: Awaited<ReturnType<typeof lived>>): Promise<void> {
  const set = (await readHead(world.at))!.value.described![owner]!;
  const left = await undescribedOf(world.store, 'work', set, BigInt64Array.from(ids).reverse());
  assert.deepEqual(
    [...left],
    ids.filter((id) => !described.has(id)),
  );
  assert.equal(set.keys, described.size);
}

const histories: History[] = [
  { seed: 1, start: 1n, step: 1n, share: 1 },
  { seed: 2, start: 100n, step: 10n, share: 0.5 },
  { seed: 3, start: 2n ** 32n - 3000n, step: 1n, share: 0.9 },
  { seed: 4, start: 2n ** 62n, step: 7n, share: 0.3 },
];
for (const history of histories) {
  test(`any history finds what a set finds: from ${history.start}, share ${history.share}`, async () => {
    const life = await lived(history);
    await checkAll(life);
    await compact(life.world.at, 2);
    await checkAll(life);
    assert.equal(mergeable((await readHead(life.world.at))!.value, 2), undefined);
    // What a merge replaced is gone, and what the head names is there.
    const { segments } = (await readHead(life.world.at))!.value.described![owner]!;
    const merged = life.world.store.names('work', 'keys/').filter((name) => /described.*merged-/.test(name));
    assert.deepEqual(
      merged,
      segments.map(({ blob }) => blob).filter((blob) => blob.includes('merged-')),
    );
  });
}

test('where every row describes its key, a head needs one range and no segment', async () => {
  const { world } = await lived({ seed: 5, start: 1n, step: 1n, share: 1 });
  const { ids, segments } = (await readHead(world.at))!.value.described![owner]!;
  assert.deepEqual([ids.ranges.length, segments], [1, []]);
});

test('blocks that hold none of the IDs are not read', async () => {
  const { world, ids } = await lived({ seed: 6, start: 1n, step: 1n, share: 0.5 });
  await compact(world.at, 2);
  const set = (await readHead(world.at))!.value.described![owner]!;
  assert.ok(set.segments.length === 1, 'one segment');
  world.store.reads.length = 0;
  await undescribedOf(world.store, 'work', set, BigInt64Array.from([ids.at(-1)! + 1000n]));
  assert.equal(world.store.reads.length, 1, 'the directory alone');
});

test('the place of an ID never descends, and is the ID as long as 32 bits hold it', () => {
  const ids = [0n, 1n, 2n ** 32n - 2n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n];
  assert.deepEqual(ids.map(placeOfId), [0, 1, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1]);
});

test('an ID between ranges, before them, or beside their steps is not in the set', async () => {
  const { store } = await new IndexWorld().open();
  const ranges = [
    { first: '10', count: '2' },
    { first: '25', count: '1' },
  ];
  const set = { keys: 3, ids: { step: '5', ranges }, segments: [] };
  const ids = [...Array(40).keys()].map(BigInt);
  const left = await undescribedOf(store, 'work', set, BigInt64Array.from(ids));
  assert.deepEqual(
    [...left],
    ids.filter((id) => id !== 10n && id !== 15n && id !== 25n),
  );
});

test('a set is merged when it has more ranges than a head holds, or as many segments as are too many', () => {
  const set = (ranges: number, segments: number): Described => {
    const segment = { blob: 'b', keys: 1, bytes: 1, directory: 0, ids: null };
    const list = Array.from({ length: ranges }, (_, i) => ({ first: String(2 * i), count: '1' }));
    return { keys: ranges, ids: { step: '1', ranges: list }, segments: Array(segments).fill(segment) };
  };
  assert.deepEqual(
    [isScattered(set(256, 2), 3), isScattered(set(257, 0), 3), isScattered(set(0, 3), 3)],
    [false, true, true],
  );
});

test('a run that describes no key for the first time stages nothing', async () => {
  const { at, store } = await new IndexWorld().open();
  const uploads = new Uploads(4);
  const ids = { step: '1', ranges: [{ first: '1', count: '5' }] };
  const head = { ...emptyHead, described: { [owner]: { keys: 5, ids, segments: [] } } };
  const before = store.names('work');
  const of = { owner, step: 1n, life: { runId: 'r', life: 1 } };
  const told = await stageDescribed(uploads, at, head, of, [], [5n, 1n]);
  await uploads.done();
  assert.deepEqual(told, { late: new BigInt64Array(0), described: undefined });
  assert.deepEqual(store.names('work'), before);
});
