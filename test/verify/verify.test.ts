/** `verify` against the source: every kind of value that was changed after all is found, and what cannot be told is said. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { crcOf, crcText } from '../../src/bytes/crc32.ts';
import type { Manifest } from '../../src/documents/manifest.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { readTable, type Table, writeTable } from '../../src/parquet/table.ts';
import { readKeyBook, verifyRun } from '../../src/verify/verify.ts';
import { checkWorld } from '../run/support/check.ts';
import { shopFile, shopPipelines, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';

const row = (customer: string, product: string, quantity: number) => ({ customer, product, quantity });

async function lived(): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed: 2, batchRows: 100, partRows: 100 });
  const runs = {
    one: [row('ann', 'tea', 1), row('bob', 'oil', 4), row('ann', 'oil', 2), row('cem', 'tea', 3)],
    two: [row('bob', 'tea', 3), row('dan', 'rye', 2), row('ann', 'oil', 1), row('ann', 'rye', 2)],
  };
  for (const [run, rows] of Object.entries(runs)) {
    for (const pipeline of ['club', 'shop', 'audit']) {
      const prefix = `${pipeline}/${run}/`;
      await upload(sim, prefix, [rows]);
      await sim.run(`${pipeline}-${run}`, pipeline, prefix);
      await sim.settle();
    }
  }
  await checkWorld(sim);
  return sim;
}

const environmentOf = (sim: Sim) => ({ ...sim.environments[0]!, store: sim.store });

/** What is said of a run by manifests as they are, or as they are given. */
async function said(sim: Sim, runId: string, change?: (manifest: Manifest) => void) {
  const environment = environmentOf(sim);
  const all = await publishedManifests(environment);
  const manifest = all.find((one) => one.runId === runId)!;
  change?.(manifest);
  const { findings, notes } = await verifyRun(environment, manifest, all, await readKeyBook(environment, all));
  return { findings: findings.join('\n'), notes: notes.join('\n') };
}

type Files = (manifest: Manifest) => { blob: string; bytes: number; crc32: string }[];
const of =
  (entity: string, dataset: 'files' | 'known' | 'changes' = 'files'): Files =>
  (manifest) => {
    const one = manifest.entities.find((candidate) => candidate.entity === entity)!;
    return dataset === 'files' ? one.files : one[dataset]!.files;
  };

/** Changes a number in a published file, and all that the manifest says of its bytes. */
async function tampered(sim: Sim, runId: string, files: Files, column: string, value: number | bigint) {
  let blob = '';
  let before: Uint8Array | undefined;
  const told = await said(sim, runId, (manifest) => {
    const file = files(manifest)[0]!;
    blob = file.blob;
    before = sim.store.bytes('published', blob).slice();
    const table: Table = readTable(before, blob);
    const cells = table.columns.find(({ name }) => name === column)!.values;
    (cells as { data: Record<number, unknown> }).data[0] = value;
    const bytes = writeTable(table.columns, { codec: 'UNCOMPRESSED', keyValues: table.keyValues });
    void sim.store.write('published', blob, bytes);
    Object.assign(file, { bytes: bytes.length, crc32: crcText(crcOf([bytes])) });
  });
  await sim.store.write('published', blob, before!);
  return told.findings;
}

test('a changed value of any kind of column is found', async () => {
  const sim = await lived();
  const found = async (runId: string, files: Files, column: string, value: number | bigint) =>
    await tampered(sim, runId, files, column, value);
  // Unchanged, mapped, and referring columns; first-seen attributes; rows of known keys; changes, and where they are from.
  assert.match(
    await found('shop-one', of('orders'), 'quantity', 9),
    /orders.*row 0, quantity is 9, but 1 by the source/,
  );
  assert.match(await found('shop-one', of('orders'), 'customer_id', 2n), /customer_id is 2, but 1 by the source/);
  assert.match(await found('club-one', of('goods'), 'large', 1), /large is true, but false by its first row/);
  assert.match(await found('club-one', of('goods'), 'quantity', 7), /quantity is 7, but \d by its first row/);
  assert.match(await found('club-one', of('goods'), 'member_id', 3n), /member_id is 3, but \d by its first row/);
  assert.match(
    await found('club-two', of('goods', 'known'), 'quantity', 8),
    /-known.*quantity is 8, but \d by its first/,
  );
  assert.match(await found('club-two', of('goods', 'known'), 'good_id', 9n), /good_id is 9, but \d is its ID/);
  assert.match(
    await found('club-two', of('goods', 'changes'), 'quantity', 8),
    /_changes.*quantity is 8, but \d by its last/,
  );
  assert.match(await found('club-two', of('goods', 'changes'), 'source_row', 9n), /source_row is 9, but \d is where/);
  assert.equal((await said(sim, 'shop-one')).findings, '', 'what is mended is in order');
});

test('rows that are missing, too many, or told otherwise are found', async () => {
  const sim = await lived();
  const unreported = await said(sim, 'club-two', (manifest) => {
    const goods = manifest.entities.find(({ entity }) => entity === 'goods')!;
    goods.changes = { rows: 0, bytes: 0, files: [] };
    for (const partition of goods.keys!.partitions) partition.changes = 0;
  });
  assert.match(unreported.findings, /goods: the change of key "\w+" .* is not reported/);
  const unknown = await said(sim, 'club-two', (manifest) => {
    const goods = manifest.entities.find(({ entity }) => entity === 'goods')!;
    goods.known = { rows: 0, bytes: 0, files: [] };
  });
  assert.match(unknown.findings, /goods: key "\w+" .* is missing among the published known keys/);
  const miscounted = await said(sim, 'club-one', ({ routing }) => {
    routing!.keysOnly--;
    routing!.routed++;
    routing!.repeated--;
  });
  assert.match(miscounted.findings, /counts 0 rows of keys only, but the source has 1/);
  const { rejected } = (await publishedManifests(environmentOf(sim))).find(({ runId }) => runId === 'audit-one')!;
  const bytes = sim.store.bytes('published', rejected!.blob).slice();
  const table = readTable(bytes, rejected!.blob);
  const rows = table.columns.find(({ name }) => name === 'row')!.values;
  (rows as { data: BigInt64Array }).data[0] = 0n;
  await sim.store.write('published', rejected!.blob, writeTable(table.columns));
  assert.match(
    (await said(sim, 'audit-one')).findings,
    /line 0 is .* row 0 quantity, but the contract refuses .* row 1/,
  );
});

test('a source that has changed or is gone, or a pipeline that has changed, is said and is no finding', async () => {
  const sim = await lived();
  const blob = 'shop/one/0000.parquet';
  await sim.store.write('landing', blob, shopFile([row('eve', 'tea', 1)]));
  const changed = await said(sim, 'shop-one');
  assert.deepEqual([changed.findings, changed.notes], ['', `values not compared: landing/${blob} has changed`]);
  await sim.store.remove('landing', blob);
  const gone = await said(sim, 'shop-one');
  assert.deepEqual([gone.findings, gone.notes], ['', `values not compared: landing/${blob} is gone`]);
  const other = await said(sim, 'club-one', (manifest) => {
    manifest.pipelineHash = 'another';
  });
  assert.deepEqual([other.findings, other.notes], ['', 'values not compared: the pipeline has changed since']);
});
