/**
 * What the Delta tables of a world must hold: by the manifests, each published row once, and each change. An engine that
 * we did not write reads them. Also the form of the logs: no version is missing, and no change is in them twice.
 */
import assert from 'node:assert/strict';
import { canonOf } from '../../engine/support/cells.ts';
import { type Published, readPublished, readRows } from '../../run/support/published.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { type ReadTable, readTables } from './delta-reader.ts';

type Actions = Record<string, Record<string, unknown> | undefined>[];

/** The commits of a table's log, by version. */
export function commitsOf(store: MemoryStore, folder: string, container = 'published'): Actions[] {
  const names = store.names(container, `${folder}/_delta_log/`).filter((name) => /\/\d{20}\.json$/.test(name));
  return names.map((name, version) => {
    assert.equal(Number(/(\d{20})\.json$/.exec(name)![1]), version, `${folder} has version ${version}`);
    const lines = Buffer.from(store.bytes(container, name)).toString().split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Actions[number]);
  });
}

/** Asserts that no change was committed twice. */
export function checkLog(store: MemoryStore, folder: string): void {
  const seen = new Set<string>();
  for (const { txn, add } of commitsOf(store, folder).flat()) {
    for (const one of [txn && `${txn.appId} ${txn.version}`, add && `${add.path}`]) {
      if (one === undefined) continue;
      assert.ok(!seen.has(one), `${folder}: ${one} is there twice`);
      seen.add(one);
    }
  }
}

interface Wanted extends ReadTable {
  rows: (string | null)[][];
}

/** The tables of the pipelines, and the rows that they must have. */
async function wantedOf(store: MemoryStore, pipelines: readonly string[]): Promise<Wanted[]> {
  const runs = [...(await readPublished(store)).values()];
  const wanted = new Map<string, Wanted>();
  for (const run of runs.filter(({ manifest }) => pipelines.includes(manifest.pipeline))) {
    for (const entity of run.manifest.entities) {
      const folder = `${run.manifest.output.prefix}${entity.entity}`;
      add(wanted, folder, entity.columns!, run.rows[entity.entity]!);
      if (!entity.changes) continue;
      const rows = await Promise.all(entity.changes.files.map(({ blob }) => readRows(store.bytes('published', blob))));
      add(wanted, `${run.manifest.output.prefix}_changes/${entity.entity}`, entity.changes.columns!, rows.flat());
    }
  }
  return [...wanted.values()];
}

function add(
  wanted: Map<string, Wanted>,
  folder: string,
  columns: ReadTable['columns'],
  rows: Published['rows'][string],
) {
  const table = wanted.get(folder) ?? { folder, columns, rows: [] };
  wanted.set(folder, table);
  for (const row of rows)
    table.rows.push(
      columns.map(({ name }) => (row[name] === null || row[name] === undefined ? null : canonOf(row[name]))),
    );
}

const byText = (a: (string | null)[], b: (string | null)[]) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Asserts that the tables of the pipelines hold what was published. */
export async function checkTables(store: MemoryStore, pipelines: readonly string[] = ['shop', 'club']): Promise<void> {
  await checkTablesOf([store], pipelines);
}

/** The same of many worlds: the engine that reads them is started once. */
export async function checkTablesOf(stores: readonly MemoryStore[], pipelines: readonly string[]): Promise<void> {
  const wanted = (
    await Promise.all(stores.map(async (store) => (await wantedOf(store, pipelines)).map((one) => ({ ...one, store }))))
  ).flat();
  for (const { store, folder } of wanted) checkLog(store, folder);
  const read = await readTables(stores[0]!, wanted);
  for (const [t, { folder, rows }] of wanted.entries()) {
    const found = read[t]!;
    assert.ok(Array.isArray(found), `${folder}: ${String(found)}`);
    assert.deepEqual(found.toSorted(byText), rows.toSorted(byText), `rows of table ${folder}`);
  }
}
