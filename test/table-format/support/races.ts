/** Small Delta tables over real files, and committers that race for their versions. */
import assert from 'node:assert/strict';
import { parseFooter } from '../../../src/parquet/footer-read.ts';
import { builder } from '../../../src/parquet/logical.ts';
import { type TableColumn as Column, writeTable } from '../../../src/parquet/table.ts';
import type { ColumnType } from '../../../src/parquet/types.ts';
import { delta } from '../../../src/table-format/delta.ts';
import type { TableFile, TablePlace } from '../../../src/table-format/table-format.ts';
import { mulberry32 } from '../../run/support/sim-steps.ts';
import { withFaults } from '../../support/faults.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { checkLog, commitsOf } from '../../tables/support/check-tables.ts';

export const long: ColumnType = { physical: 'INT64' };
export const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
export const id = { name: 'id', type: long };

export function column(name: string, type: ColumnType, raw: readonly unknown[]): Column {
  const build = builder(type);
  for (const value of raw) build.push(value);
  return { name, type, values: build.finish().values, valid: undefined };
}

export async function world(): Promise<{ store: MemoryStore; place: TablePlace }> {
  const store = new MemoryStore();
  await store.ensureContainer('published');
  return { store, place: { store, container: 'published', folder: 'p/e', requestsInFlight: 4 } };
}

/** Puts a file into the table's folder. */
export async function put(
  { store, container, folder }: TablePlace,
  name: string,
  columns: readonly Column[],
): Promise<TableFile> {
  const bytes = writeTable(columns);
  await store.write(container, `${folder}/${name}`, bytes);
  return { name, bytes: bytes.length, publishedAt: 0, footer: parseFooter(bytes, bytes.length, name) };
}

export const ids = (from: number, count: number) =>
  column(
    'id',
    long,
    Array.from({ length: count }, (_, i) => BigInt(from + i)),
  );

/** Commits a run of two rows. */
export async function commit(place: TablePlace, run: number): Promise<void> {
  await commitRuns(place, run, run + 1);
}

/** Commits runs of two rows each, one after the other, by one who reads the log once. */
export async function commitRuns(place: TablePlace, from: number, to: number): Promise<void> {
  const change = await delta.begin(place);
  change.setColumns([id]);
  for (let run = from; run < to; run++) {
    const file = await put(place, `r${run}-00000.parquet`, [ids(2 * run, 2)]);
    change.add({ app: `ordinal/r${run}`, version: 1, add: [file] });
    await change.commit();
  }
}

/** Six runs, each committed by two at once; every request takes its own time. Throws when a commit is lost or doubled. */
export async function races(seed: number): Promise<void> {
  const { store, place } = await world();
  const random = mulberry32(seed);
  const slow = withFaults(store, async () => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await new Promise(setImmediate);
  });
  await Promise.all(Array.from({ length: 12 }, (_, i) => commit({ ...place, store: slow }, i >> 1)));
  checkLog(store, place.folder);
  assert.equal(commitsOf(store, place.folder).length, 6);
}

/** Another engine puts the files of some runs into one, as OPTIMIZE does. */
export async function optimise(place: TablePlace, runs: readonly number[]): Promise<void> {
  const { store, container, folder } = place;
  const merged = await put(place, 'part-00000-abc.snappy.parquet', [ids(2 * runs[0]!, 2 * runs.length)]);
  const lines = [
    { commitInfo: { operation: 'OPTIMIZE', engineInfo: 'Another' } },
    ...runs.map((run) => ({ remove: { path: `r${run}-00000.parquet`, deletionTimestamp: 1, dataChange: false } })),
    { add: { path: merged.name, partitionValues: {}, size: merged.bytes, modificationTime: 1, dataChange: false } },
  ];
  let version = 0;
  for await (const { name } of store.list(container, `${folder}/_delta_log/`)) if (name.endsWith('.json')) version++;
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await store.write(container, `${folder}/_delta_log/${String(version).padStart(20, '0')}.json`, Buffer.from(body));
}

type Read = (store: MemoryStore, tables: { folder: string; columns: (typeof id)[]; where?: string }[]) => unknown;

/**
 * Commits, one that is repeated after another engine has rewritten its file, and one of two at once: whoever reads the
 * table finds each row once, also by a condition by which files are left out.
 */
export async function readByOthers(read: Read): Promise<void> {
  const { store, place } = await world();
  await commitRuns(place, 0, 3);
  await optimise(place, [0, 1]);
  await commit(place, 0);
  await Promise.all([commit(place, 3), commit(place, 3)]);
  const rows = Array.from({ length: 8 }, (_, i) => [String(i)]);
  const table = { folder: place.folder, columns: [id] };
  const wheres = rows.map(([value]) => ({ ...table, where: `id = ${value}` }));
  assert.deepEqual(await read(store, [table, ...wheres]), [rows, ...rows.map((row) => [row])]);
}

/** Two processes, each with what it has read of a table, and a log that one of them makes anew. */
export async function madeAnew(): Promise<void> {
  const { store, place: one } = await world();
  const other = { ...one, store: withFaults(store, () => undefined) };
  await commitRuns(one, 0, 3);
  await commitRuns(other, 3, 5);
  const told = async (place: TablePlace) => [...(await delta.begin(place)).files].sort();
  const files = (runs: readonly number[]) => runs.map((run) => `r${run}-00000.parquet`);
  for (const place of [one, other]) assert.deepEqual(await told(place), files([0, 1, 2, 3, 4]));
  await delta.repair(other);
  await commitRuns(other, 4, 10);
  for (const place of [one, other]) assert.deepEqual(await told(place), files([4, 5, 6, 7, 8, 9]));
  await delta.repair(one);
  await commitRuns(one, 6, 8);
  for (const place of [one, other]) assert.deepEqual(await told(place), files([6, 7]));
}
