/**
 * What must be true of everything that was published, whatever happened on the way: an oracle that knows the sources
 * and reads the outputs with another reader, and nothing of how runs work.
 */

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type Manifest, manifestSchema } from '../../../src/documents/manifest.ts';
import { inOrderOfPublication, publishedManifests } from '../../../src/documents/manifests.ts';
import { readLedger } from '../../../src/ledger/ledger.ts';
import { findVersions, tableOf } from '../../../src/ledger/versions.ts';
import { lifeId } from '../../../src/storage/names.ts';
import type { BlobStore } from '../../../src/storage/store.ts';
import { readKeyBook, States, verifyRun } from '../../../src/verify/verify.ts';
import { withFaults } from '../../support/faults.ts';
import { checkTableLogs } from '../../tables/support/check-tables.ts';
import { checkKnown } from './check-known.ts';
import { type Published, type Row, readPublished, readRows } from './published.ts';
import { nobody } from './shop.ts';
import type { Sim } from './sim.ts';

/** Entities of the test's pipelines: where keys live, and which sequence their IDs come from. */
const keyed: Record<string, { index: string; id: string; sequence: string }> = {
  'shop.products': { index: 'shop.products', id: 'product_id', sequence: 'shop.products' },
  'shop.customers': { index: 'customers', id: 'customer_id', sequence: 'customers' },
  'club.goods': { index: 'club.goods', id: 'good_id', sequence: 'club.goods' },
  'club.members': { index: 'customers', id: 'customer_id', sequence: 'customers' },
  'web.people': { index: 'customers', id: 'customer_id', sequence: 'customers' },
  'mail.senders': { index: 'customers', id: 'customer_id', sequence: 'customers' },
  'post.senders': { index: 'customers', id: 'customer_id', sequence: 'customers' },
};
/** `missing` is what rows have that name nobody. */
const rowsOf: Record<string, { id: string; where: (row: Row) => boolean; missing?: bigint }> = {
  'shop.orders': { id: 'order_id', where: () => true },
  'web.visits': { id: 'visit_id', where: (row) => Number(row.quantity) > 0 },
  'mail.letters': { id: 'letter_id', where: () => true, missing: 0n },
  'post.letters': { id: 'letter_id', where: () => true, missing: -1n },
  'log.lines': { id: 'line_id', where: () => true },
  'club.few': { id: 'few_id', where: (row) => Number(row.quantity) <= 2, missing: 0n },
  'club.some': { id: 'some_id', where: (row) => [2, 3].includes(Number(row.quantity)) },
  'audit.entries': { id: 'entry_id', where: (row) => Number(row.quantity) <= 3 },
};

export interface CheckOptions {
  /** Nothing runs, and the last run had the chance to clean up: nothing may be held any more. */
  quiet?: boolean;
  /** No file may lie about that no manifest names. @default `quiet` */
  swept?: boolean;
  /** The sweep has come: no life that was ended holds anything. @default false */
  settled?: boolean;
  /** The command `verify` is asked too. @default true */
  verify?: boolean;
}

/** Asserts all of it. Gives what was published. */
export async function checkWorld(
  sim: Sim,
  { quiet = true, swept = quiet, verify = true, settled = false }: CheckOptions = {},
): Promise<Map<string, Published>> {
  const published = await readPublished(sim.store);
  checkKeys(published);
  for (const run of published.values()) await checkRows(sim, run, published);
  await checkKnown(sim, published, keyIds(published));
  checkMembers(published);
  checkManifests(sim, published);
  checkTableLogs(sim.store, published, { complete: false });
  checkSequences(sim, published, quiet);
  await checkLedgers(sim, published, { quiet, swept: settled });
  if (quiet) {
    for (const [id, text] of sim.entities) {
      if (id.startsWith('lease/')) assert.deepEqual(JSON.parse(text).line, [], `${id} is free`);
    }
  }
  if (verify) await checkByVerify(sim);
  if (swept)
    checkFiles(sim, [
      ...[...published.values()].map(({ manifest }) => manifest),
      ...(settled ? [] : withdrawnManifests(sim)),
    ]);
  return published;
}

/** The command `verify` comes to the same judgement. */
export async function checkByVerify(sim: Sim): Promise<void> {
  const environment = { ...sim.environments[0]!, store: withOldSources(sim) };
  const all = await publishedManifests(environment);
  const book = await readKeyBook(environment, all);
  const states = new States(environment, all);
  for (const manifest of inOrderOfPublication(all)) {
    const { findings, notes, compared } = await verifyRun(environment, manifest, all, book, { states });
    assert.deepEqual([findings, notes], [[], []], `verify ${manifest.runId}`);
    assert.equal(compared, manifest.source.rows, `verify ${manifest.runId}: values`);
  }
}

/** The store, with the versions of source blobs that were overwritten since. */
function withOldSources(sim: Sim): BlobStore {
  const store = withFaults(sim.store, () => {});
  return {
    ...store,
    async read(container, name, range) {
      const version = range?.ifMatch === undefined ? undefined : sim.sources.get(range.ifMatch);
      return version ? version.slice(range!.offset, range!.offset + range!.length) : store.read(container, name, range);
    },
  };
}

/**
 * No version of a blob was read by two runs, but by those that were told to read it again. What the ledger says is what
 * manifests say, and no run that has ended holds a version.
 */
async function checkLedgers(
  sim: Sim,
  published: ReadonlyMap<string, Published>,
  { quiet, swept }: { quiet: boolean; swept: boolean },
): Promise<void> {
  const environment = sim.environments[0]!;
  for (const pipeline of environment.pipelines.values()) {
    const read = new Map<string, string>();
    for (const { manifest } of published.values()) {
      if (manifest.pipeline !== pipeline.name || sim.again.has(manifest.runId)) continue;
      for (const { blob, etag } of manifest.inputs) {
        const other = read.get(etag);
        assert.equal(other, undefined, `${blob} is read by "${other}" and by "${manifest.runId}"`);
        read.set(etag, manifest.runId);
      }
    }
    const at = { store: sim.store, container: 'ordinal', pipeline: pipeline.name };
    const head = (await readLedger(at))?.value;
    if (!quiet || !head) continue;
    // A run that was ended from outside is settled by whoever meets it, and by the sweep.
    const held = head.claims.filter((claim) => {
      // What was claimed after its life had published is nothing; the sweep drops it.
      const late = published.get(claim.runId)?.manifest.source.claim;
      const stale = late !== undefined && late !== claim.delta.blob;
      return swept || !(stale || sim.instances.get(lifeId(claim))?.status === 'Terminated');
    });
    assert.deepEqual(held, [], `${pipeline.name}: no version is claimed`);
    const all = [...sim.blobs].map(([etag, blob]) => ({ blob, etag }));
    const found = await findVersions(at, head.entries, tableOf(all));
    const runs = [...published.values()].filter(({ manifest }) => manifest.pipeline === pipeline.name);
    const said = new Set(
      runs.flatMap(({ manifest: { inputs, setAside = [] } }) => [...inputs, ...setAside].map(({ etag }) => etag)),
    );
    for (const [i, { blob, etag }] of all.entries()) {
      assert.equal(found[i], said.has(etag), `${pipeline.name}: what the ledger says of ${blob} ${etag}`);
    }
  }
}

/** What a manifest says of its files is what is there. */
function checkManifests(sim: Sim, published: ReadonlyMap<string, Published>): void {
  for (const { manifest, rows } of published.values()) {
    for (const { entity, files, rows: count } of manifest.entities) {
      assert.equal(rows[entity]!.length, count, `${manifest.runId} ${entity}: rows`);
      for (const file of files) {
        const bytes = sim.store.bytes('published', file.blob);
        assert.equal(bytes.length, file.bytes, `${file.blob}: bytes`);
        // The checksum of what the service has copied is not known.
        if (file.crc32 === '' && sim.store.copies.length > 0) continue;
        assert.equal(crc32(bytes).toString(16).padStart(8, '0'), file.crc32, `${file.blob}: checksum`);
      }
    }
  }
}

/** index → key → ID, each key once. */
function keyIds(published: ReadonlyMap<string, Published>): Map<string, Map<string, bigint>> {
  const ids = new Map<string, Map<string, bigint>>();
  for (const { manifest, rows } of published.values()) {
    for (const [entity, list] of Object.entries(rows)) {
      const known = keyed[`${manifest.pipeline}.${entity}`];
      if (!known) continue;
      const keys = ids.get(known.index) ?? new Map<string, bigint>();
      ids.set(known.index, keys);
      for (const row of list) {
        const name = String(row.name);
        assert.ok(!keys.has(name), `${known.index}: key ${name} is published twice (${manifest.runId})`);
        keys.set(name, row[known.id] as bigint);
      }
    }
  }
  return ids;
}

function checkKeys(published: ReadonlyMap<string, Published>): void {
  for (const [index, keys] of keyIds(published)) {
    assert.equal(new Set(keys.values()).size, keys.size, `${index}: an ID for each key`);
  }
}

/** Each unknown member that a pipeline refers to has one row, over all runs, which says nothing of it. */
function checkMembers(published: ReadonlyMap<string, Published>): void {
  const wanted = new Set<bigint>();
  const found: bigint[] = [];
  for (const { manifest, members } of published.values()) {
    for (const [name, { missing }] of Object.entries(rowsOf))
      if (missing !== undefined && name.startsWith(`${manifest.pipeline}.`)) wanted.add(missing);
    for (const [entity, rows] of Object.entries(members)) {
      const id = keyed[`${manifest.pipeline}.${entity}`]?.id ?? '';
      for (const { [id]: member, ...rest } of rows) {
        found.push(member as bigint);
        const said = Object.values(rest).filter((value) => value !== null && value !== undefined);
        assert.deepEqual(said, [], `${manifest.runId} ${entity}: the unknown member ${member}`);
      }
    }
  }
  assert.deepEqual(found.toSorted(), [...wanted].sort(), 'unknown members that have a row');
}

/** Each source row in order, with its columns, its references resolved, its IDs ascending within each range. */
async function checkRows(
  sim: Sim,
  { manifest, rows, files }: Published,
  all: ReadonlyMap<string, Published>,
): Promise<void> {
  const source: Row[] = [];
  for (const { etag } of manifest.inputs) source.push(...(await readRows(sim.sources.get(etag)!)));
  const ids = keyIds(all);
  checkRouting(manifest, rows, source);
  for (const [entity, list] of Object.entries(rows)) {
    const name = `${manifest.pipeline}.${entity}`;
    const at = `${manifest.runId} ${name}`;
    const known = rowsOf[name];
    if (!known) {
      // A file for each key partition.
      const column = ['shop.products', 'club.goods'].includes(name) ? 'product' : 'customer';
      for (const file of files[entity]!) checkFirstSeen(file, source, column, at);
      continue;
    }
    const expected = source.filter(known.where);
    assert.equal(list.length, expected.length, `${at}: rows`);
    if (name === 'audit.entries') assert.equal(manifest.rejected?.rows ?? 0, source.length - expected.length, at);
    list.forEach((row, i) => {
      const from = expected[i]!;
      assert.equal(row.quantity, from.quantity, `${at}: row ${i}`);
      if ('customer' in row) assert.equal(row.customer, from.customer, `${at}: row ${i}`);
      const { missing } = known;
      const customer =
        missing !== undefined && from.customer === nobody ? missing : ids.get('customers')?.get(String(from.customer));
      if ('customer_id' in row) assert.equal(row.customer_id, customer, `${at}: customer of row ${i}`);
      if ('member_id' in row) assert.equal(row.member_id, customer, `${at}: member of row ${i}`);
      if ('product_id' in row)
        assert.equal(row.product_id, ids.get('shop.products')!.get(String(from.product)), `${at}: product of row ${i}`);
    });
    const order = list.map((row) => row[known.id] as bigint);
    assert.ok(
      order.every((id, i) => i === 0 || id > order[i - 1]!),
      `${at}: IDs ascend in source order`,
    );
  }
}

/** Pipelines of which every row gives a key to a keyed entity. */
const allKeyed = ['shop', 'web', 'club', 'mail', 'post'];

/** Every source row is counted: in the rows entities that took it, as refused, as keys only, or as unrouted. */
function checkRouting(manifest: Published['manifest'], rows: Published['rows'], source: readonly Row[]): void {
  const known = Object.keys(rows).flatMap((entity) => rowsOf[`${manifest.pipeline}.${entity}`] ?? []);
  const taken = source.map((row) => known.filter(({ where }) => where(row)).length);
  const rejected = manifest.rejected?.rows ?? 0;
  const left = taken.filter((times) => times === 0).length - rejected;
  const keyed = allKeyed.includes(manifest.pipeline);
  const routing = {
    routed: taken.filter((times) => times > 0).length,
    keysOnly: keyed ? left : 0,
    unrouted: keyed ? 0 : left,
    repeated: taken.reduce((sum, times) => sum + Math.max(0, times - 1), 0),
  };
  assert.deepEqual(manifest.routing, routing, `${manifest.runId}: routing`);
}

/** New keys come in the order in which the source first names them. */
function checkFirstSeen(list: readonly Row[], source: readonly Row[], column: string, at: string): void {
  const firstSeen = [...new Set(source.map((row) => String(row[column])))];
  const fresh = list.map((row) => String(row.name));
  const inOrder = firstSeen.filter((name) => fresh.includes(name));
  assert.deepEqual(fresh, inOrder, `${at}: new keys in first-seen order`);
}

/** Manifests of runs that were taken back. */
function withdrawnManifests(sim: Sim): Manifest[] {
  return sim.store
    .names('published')
    .filter((name) => /(^|\/)_manifests\/[^/]+\.json$/.test(name))
    .map((name) => manifestSchema.parse(JSON.parse(Buffer.from(sim.store.bytes('published', name)).toString())))
    .filter(({ outcome }) => outcome === 'withdrawn');
}

/** Published IDs, and what the sequence holds free or open, fill it without a hole and without an ID twice. */
function checkSequences(sim: Sim, published: ReadonlyMap<string, Published>, quiet: boolean): void {
  const used = new Map<string, bigint[]>();
  for (const { manifest, rows } of published.values()) {
    for (const [entity, list] of Object.entries(rows)) {
      const name = `${manifest.pipeline}.${entity}`;
      const sequence = keyed[name]?.sequence ?? 'documents';
      const column = keyed[name]?.id ?? rowsOf[name]!.id;
      const ids = used.get(sequence) ?? [];
      used.set(sequence, ids);
      for (const row of list) ids.push(row[column] as bigint);
    }
  }
  // IDs of withdrawn runs are retired: published and withdrawn ones fill the sequence.
  const withdrawn = withdrawnManifests(sim);
  for (const { sequences } of withdrawn) {
    for (const [sequence, { step, ranges }] of Object.entries(sequences)) {
      const ids = used.get(sequence) ?? [];
      used.set(sequence, ids);
      for (const { first, count } of ranges)
        for (let i = 0n; i < BigInt(count); i++) ids.push(BigInt(first) + i * BigInt(step));
    }
  }
  const owners = new Set([...[...published.values()].map(({ manifest }) => manifest), ...withdrawn].map(lifeId));
  for (const [id] of sim.entities) {
    if (!id.startsWith('sequence/')) continue;
    const name = id.slice('sequence/'.length);
    const { start, step, next, free, open } = sim.sequence(name)!;
    if (quiet) assert.deepEqual(open, [], `${name}: no reservation is open`);
    const held = [...free, ...open.flatMap((entry) => (owners.has(entry.owner) ? [] : entry.ranges))];
    const all = [...(used.get(name) ?? [])];
    for (const { first, count } of held) {
      for (let i = 0n; i < BigInt(count); i++) all.push(BigInt(first) + i * BigInt(step));
    }
    all.sort((a, b) => (a < b ? -1 : 1));
    const expected: bigint[] = [];
    for (let at = BigInt(start); at < BigInt(next); at += BigInt(step)) expected.push(at);
    assert.deepEqual(all, expected, `${name}: every ID once`);
    used.delete(name);
  }
  assert.deepEqual([...used.keys()], [], 'every ID comes from a sequence');
}

/** No file of a run that is not in its manifest, once everything is cleaned up. */
function checkFiles(sim: Sim, manifests: readonly Manifest[]): void {
  const named = new Set(
    manifests.flatMap((manifest) => [
      ...(manifest.rejected ? [manifest.rejected.blob, manifest.rejected.sourceRows ?? ''] : []),
      ...manifest.entities.flatMap(({ files, known, changes, unknown }) =>
        [...files, ...[known, changes, unknown].flatMap((dataset) => dataset?.files ?? [])].map((file) => file.blob),
      ),
    ]),
  );
  const parts = sim.store
    .names('published')
    .filter((name) => name.endsWith('.parquet') && !name.includes('/_delta_log/'));
  assert.deepEqual(
    parts.filter((name) => !named.has(name)),
    [],
    'no file but those that manifests name',
  );
}
