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

/** Files that are in a table now, by its log. */
function activeFiles(store: MemoryStore, folder: string): string[] {
  const files = new Set<string>();
  for (const { add, remove } of commitsOf(store, folder).flat()) {
    if (remove) files.delete(String(remove.path));
    if (add) files.add(String(add.path));
  }
  return [...files].map((path) => `${folder}/${decodeURIComponent(path)}`).sort();
}

/**
 * Asserts by their logs alone that tables have no file that no manifest names; `complete`: and all that manifests name.
 */
export function checkTableLogs(
  store: MemoryStore,
  published: ReadonlyMap<string, Published>,
  { complete }: { complete: boolean },
): void {
  const folders = store.names('published').flatMap((name) => /^(.*)\/_delta_log\/0{20}\.json$/.exec(name)?.[1] ?? []);
  const named = [...published.values()].flatMap(({ manifest }) =>
    manifest.entities.flatMap(({ files, changes, unknown }) =>
      [...files, ...(changes?.files ?? []), ...(unknown?.files ?? [])].map(({ blob }) => blob),
    ),
  );
  for (const folder of folders) {
    checkLog(store, folder);
    const wanted = named.filter((blob) => blob.startsWith(`${folder}/`)).sort();
    const active = activeFiles(store, folder);
    for (const file of active) assert.ok(wanted.includes(file), `${folder} has ${file}, which no manifest names`);
    if (complete) assert.deepEqual(active, wanted, `files of table ${folder}`);
  }
}

/** Asserts that the views of every pipeline name its published files, and the pointer one of its runs. */
export function checkViews(store: MemoryStore, published: ReadonlyMap<string, Published>): void {
  const text = (name: string) => Buffer.from(store.bytes('published', name)).toString();
  const shown = new Map<string, { wanted: string[]; prefix: string }>();
  for (const { manifest } of published.values()) {
    const { prefix } = manifest.output;
    const latest = JSON.parse(text(`${prefix}_latest.json`));
    assert.ok(published.get(latest.runId)?.manifest.pipeline === manifest.pipeline, `${prefix}_latest.json`);
    for (const { entity, files, changes, unknown } of manifest.entities) {
      const name = `${prefix}_current/${entity}.sql`;
      const view = shown.get(name) ?? { wanted: [], prefix };
      shown.set(name, view);
      view.wanted.push(...[...files, ...(changes?.files ?? []), ...(unknown?.files ?? [])].map(({ blob }) => blob));
    }
  }
  for (const [name, { wanted, prefix }] of shown) {
    const named = [...text(name).matchAll(/'az:\/\/published\/([^']+)'/g)].map(([, blob]) => blob!);
    const own = named.filter((blob) => blob.startsWith(prefix));
    assert.deepEqual(own.sort(), wanted.sort(), `files that ${name} names`);
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
      add(wanted, folder, entity.columns!, [...run.members[entity.entity]!, ...run.rows[entity.entity]!]);
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
