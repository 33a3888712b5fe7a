/** The ledger by itself: claims that race, fates, merges, rebuilds, and what they cost. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import {
  compactLedger,
  type Fate,
  freeClaim,
  type Ledger,
  putLedger,
  readLedger,
  rebuiltLedger,
  settleClaims,
} from '../../src/ledger/ledger.ts';
import type { VersionClaim } from '../../src/ledger/ledger-documents.ts';
import { isRead, type Taken, takeVersions, type Wish } from '../../src/ledger/take-versions.ts';
import { tableOf, type Version } from '../../src/ledger/versions.ts';
import { limits } from '../../src/limits.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';

const version = (n: number, etag = '1'): Version => ({ blob: `in/${n}.parquet`, etag: `"${etag}"` });
const versions = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => version(from + i));

/** A ledger, and what the manifests of its runs would say. */
class World {
  readonly store = new MemoryStore();
  readonly fates = new Map<string, Fate>();
  readonly at: Ledger = { store: this.store, container: 'work', pipeline: 'p' };

  fateOf = async ({ runId, life }: VersionClaim): Promise<Fate> => this.fates.get(`${runId}/${life}`) ?? 'open';

  wish(runId: string, more: Partial<Wish> = {}): Wish {
    return {
      of: { runId, life: 1 },
      manifest: { container: 'out', name: `${runId}.json` },
      versions: 'new',
      dryRun: false,
      asked: true,
      fateOf: this.fateOf,
      makeFirst: async () => {},
      ...more,
    };
  }

  async take(runId: string, listed: Version[], more: Partial<Wish> = {}): Promise<Taken<Version>> {
    const taken = await takeVersions(this.at, this.wish(runId, more), listed);
    assert.ok('versions' in taken);
    return taken;
  }

  async publish(runId: string, life = 1): Promise<void> {
    this.fates.set(`${runId}/${life}`, 'read');
    await settleClaims(this.at, { runId, life }, this.fateOf);
  }

  async close(runId: string, life = 1): Promise<void> {
    this.fates.set(`${runId}/${life}`, 'closed');
    await settleClaims(this.at, { runId, life }, this.fateOf);
  }

  async head() {
    return (await readLedger(this.at))!.value;
  }
}

async function world(): Promise<World> {
  const made = new World();
  await made.store.ensureContainer('work');
  return made;
}

test('a version is new until a run that took it has published', async () => {
  const w = await world();
  assert.deepEqual((await w.take('a', versions(0, 3))).versions, versions(0, 3));
  await w.publish('a');
  const b = await w.take('b', versions(1, 5));
  assert.deepEqual(b.versions, versions(3, 5));
  assert.deepEqual(b.leftOut, { read: 2, pending: 0 });
  // The same blob, written again, is another version.
  assert.deepEqual((await w.take('c', [version(0, '2')])).versions, [version(0, '2')]);
});

test('what a run under way has taken is left to it, and free again when it is closed', async () => {
  const w = await world();
  await w.take('a', versions(0, 3));
  const b = await w.take('b', versions(0, 4));
  assert.deepEqual(b.versions, [version(3)]);
  assert.deepEqual(b.leftOut, { read: 0, pending: 3 });
  await w.close('a');
  assert.deepEqual((await w.take('c', versions(0, 4))).versions, versions(0, 3));
});

test('before it leaves versions to others, a plan asks whether those are alive; a dry run does not', async () => {
  const w = await world();
  await w.take('a', versions(0, 3));
  assert.deepEqual(await takeVersions(w.at, w.wish('b', { asked: false }), versions(0, 4)), { claimers: ['a'] });
  assert.deepEqual((await w.take('b', versions(0, 4), { asked: false, dryRun: true })).leftOut.pending, 3);
});

test('a claim counts by its manifest, whatever the head says', async () => {
  const w = await world();
  await w.take('a', versions(0, 2));
  await w.take('b', versions(2, 4));
  // One has published and one was closed, and both died before they said so.
  w.fates.set('a/1', 'read').set('b/1', 'closed');
  const c = await w.take('c', versions(0, 4));
  assert.deepEqual(c.versions, versions(2, 4));
  assert.deepEqual(c.leftOut, { read: 2, pending: 0 });
  assert.equal(await isRead(w.at, version(0), w.fateOf), true);
  assert.equal(await isRead(w.at, version(2), w.fateOf), false);
});

test('a second execution of a life reads what the first has claimed, not what came since', async () => {
  const w = await world();
  const first = await w.take('a', versions(0, 2));
  const again = await w.take('a', versions(0, 5));
  assert.deepEqual(again.versions, first.versions);
  assert.equal((await w.head()).claims.length, 1);
});

test('a dry run and a run that finds nothing claim nothing', async () => {
  const w = await world();
  assert.equal((await w.take('a', versions(0, 2), { dryRun: true })).versions.length, 2);
  assert.equal(await readLedger(w.at), undefined);
  assert.deepEqual(await w.take('b', []), { versions: [], leftOut: { read: 0, pending: 0 } });
  assert.equal(await readLedger(w.at), undefined);
});

test('who asks for all is refused when some were read, or are being read; with `again` all are taken', async () => {
  const w = await world();
  await w.take('a', versions(0, 2));
  const refused = (message: RegExp) => (thrown: unknown) =>
    thrown instanceof OrdinalError && thrown.code === 'AlreadyRead' && message.test(thrown.message);
  await assert.rejects(w.take('b', versions(1, 3), { versions: 'all' }), refused(/run "a" is reading "in\/1.parquet"/));
  await w.publish('a');
  await assert.rejects(
    w.take('b', versions(0, 3), { versions: 'all' }),
    refused(/read "in\/0.parquet", and 1 more of/),
  );
  assert.equal((await w.take('b', versions(2, 3), { versions: 'all' })).versions.length, 1);
  assert.equal((await w.take('c', versions(0, 3), { versions: 'again' })).versions.length, 3);
  // Two runs have read them now; that is one reading.
  await w.publish('c');
  await w.publish('b');
  assert.equal((await w.take('d', versions(0, 3))).versions.length, 0);
});

test('a claim that lands after another is not lost, and takes nothing twice', async () => {
  const w = await world();
  let between: (() => Promise<unknown>) | undefined;
  const store = withFaults(w.store, async ({ point }) => {
    const first = point === 'ledger:write:before' ? between : undefined;
    if (first) between = undefined;
    await first?.();
  });
  // Both have seen the same head; `b` is faster.
  between = () => w.take('b', versions(0, 3));
  const a = await takeVersions({ ...w.at, store }, w.wish('a'), versions(2, 6));
  assert.deepEqual('versions' in a && a.versions, versions(3, 6));
  const { claims } = await w.head();
  assert.deepEqual(claims.map(({ runId }) => runId).sort(), ['a', 'b']);
});

test('a closed life that claims late takes nothing from others, and its segment may be gone', async () => {
  const w = await world();
  await w.take('a', versions(0, 3));
  w.fates.set('a/1', 'closed');
  for (const name of w.store.names('work', 'ledger/p/claims/a/')) await w.store.remove('work', name);
  assert.deepEqual((await w.take('b', versions(0, 3))).versions, versions(0, 3));
  await freeClaim(w.at, { runId: 'a', life: 1 });
  assert.deepEqual(
    (await w.head()).claims.map(({ runId }) => runId),
    ['b'],
  );
});

test('a held up execution of a life that reads again adds nothing to what the life has published', async () => {
  for (const merged of [false, true]) {
    const w = await world();
    const again = { versions: 'again' } as const;
    for (const run of ['a', 'b', 'c']) {
      await w.take(run, versions(0, 3), again);
      await w.publish(run);
    }
    if (merged) await compactLedger(w.at, 3);
    await w.take('a', versions(0, 3), again);
    await w.publish('a');
    const blobs = (await w.head()).entries.map(({ blob }) => blob);
    assert.equal(new Set(blobs).size, blobs.length);
    await compactLedger(w.at, 2);
    assert.deepEqual((await w.take('d', versions(0, 4))).versions, [version(3)]);
  }
});

test('a segment that is gone or damaged is named, with the command that makes the ledger anew', async () => {
  const w = await world();
  await w.take('a', versions(0, 3));
  await w.publish('a');
  const { blob } = (await w.head()).entries[0]!;
  const remedy = /npm run ordinal -- ledger rebuild p\./;
  await w.store.write('work', blob, Buffer.alloc(1000));
  await assert.rejects(w.take('b', versions(0, 3)), (thrown: OrdinalError) => remedy.test(thrown.remedy ?? ''));
  await w.store.remove('work', blob);
  await assert.rejects(w.take('b', versions(0, 3)), (thrown: OrdinalError) => remedy.test(thrown.remedy ?? ''));
});

test('merges change no answer, also of versions that were read twice', async () => {
  const w = await world();
  for (let run = 0; run < 30; run++) {
    const taken = await w.take(`r${run}`, versions(run * 3, run * 3 + 4), { versions: 'again' });
    assert.equal(taken.versions.length, 4);
    await w.publish(`r${run}`);
    await compactLedger(w.at, 3);
  }
  const { entries } = await w.head();
  assert.ok(entries.length <= 8, `${entries.length} segments`);
  assert.deepEqual((await w.take('last', versions(0, 100))).versions, versions(91, 100));
  const named = new Set(entries.map(({ blob }) => blob));
  const segments = w.store.names('work', 'ledger/p/').filter((name) => name.endsWith('.keys'));
  assert.deepEqual(
    segments.filter((name) => !named.has(name) && !name.includes('/last/')),
    [],
    'segments that were merged are gone',
  );
});

test('a rebuilt ledger says what manifests say, and keeps the claims of runs under way', async () => {
  const w = await world();
  await w.take('a', versions(0, 3));
  await w.publish('a');
  await w.take('b', versions(3, 5));
  const there = await readLedger(w.at);
  const head = await rebuiltLedger(w.at, there!.value, tableOf(versions(10, 20)));
  assert.equal(await putLedger(w.at, head, there), true);
  const c = await w.take('c', versions(0, 20), {});
  assert.deepEqual(c.leftOut, { read: 10, pending: 2 });
  await w.publish('b');
  assert.equal(await isRead(w.at, version(3), w.fateOf), true);
});

test('the cost of a run does not grow with the runs before it', async () => {
  const w = await world();
  const requests: number[] = [];
  let count = 0;
  const store = withFaults(w.store, ({ at }) => {
    if (at === 'before') count++;
  });
  const at = { ...w.at, store };
  for (let run = 0; run < 600; run++) {
    count = 0;
    const of = { runId: `r${run}`, life: 1 };
    await takeVersions(at, w.wish(`r${run}`), versions(run * 2, run * 2 + 2));
    w.fates.set(`r${run}/1`, 'read');
    const settled = await settleClaims(at, of, w.fateOf);
    if (settled?.crowded) await compactLedger(at);
    requests.push(count);
  }
  const { entries } = await w.head();
  // Seven segments of each level at most: of one run, of 8, of 64, of 512.
  assert.ok(entries.length <= 28, `${entries.length} segments`);
  const mean = requests.slice(-100).reduce((sum, n) => sum + n, 0) / 100;
  assert.ok(mean < 40, `${mean} requests a run`);
  assert.ok(Math.max(...requests.slice(1)) < 200, `${Math.max(...requests)} requests at most`);
});

test('a life does not join more claims than a head may have', async () => {
  const w = await world();
  const most = limits.ledgerClaimsMax;
  Object.assign(limits, { ledgerClaimsMax: 3 });
  try {
    for (let run = 0; run < 3; run++) await w.take(`r${run}`, [version(run)]);
    await assert.rejects(
      w.take('more', [version(9)]),
      (thrown) => thrown instanceof OrdinalError && thrown.retryable && /3 runs/.test(thrown.message),
    );
  } finally {
    Object.assign(limits, { ledgerClaimsMax: most });
  }
});
