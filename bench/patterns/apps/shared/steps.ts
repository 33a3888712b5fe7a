/**
 * The steps that all pattern apps share, as activities: list the files, read each file's keys, merge the keys of all
 * files and publish the keyed entities, write each file's order lines. A pattern hands in how it takes numbers; nothing
 * here knows how it does. Output names follow from the run and the source file: a step that runs again overwrites what it
 * wrote before.
 */
import type { InvocationContext } from '@azure/functions';
import { BlobServiceClient, type BlockBlobClient } from '@azure/storage-blob';
import * as df from 'durable-functions';
import pMap from 'p-map';
import {
  type KeyedEntity,
  type Keys,
  keyedEntities,
  keyedFiles,
  keysOf,
  linesFile,
  type MergedKeys,
  mergeKeys,
  readRows,
  type Sequence,
} from './sales.ts';

/** Numbers from `first` on; all are below 2^53. */
export interface Range {
  first: number;
  count: number;
}

export interface Numbers {
  /** Together as many numbers as were asked for, in the order in which rows get them. */
  ranges: Range[];
  /** Called once what carries the numbers is published. */
  used(): Promise<void>;
}

/** Takes `count` numbers of a run's sequence. */
export type Take = (run: string, sequence: Sequence, count: number) => Promise<Numbers>;

/** What a run is started with. `per`: a number for each row by itself, or all numbers of a file at once. */
export interface Start {
  run: string;
  per: 'row' | 'file';
}

/** What the first pass over a file found: rows, and distinct keys. */
export type FileCounts = Record<Sequence, number>;

export const storage = process.env.PATTERNS_STORAGE ?? '';
/** Requests at the same time, for p-map. */
export const atOnce = { concurrency: 16 };
const blobs = BlobServiceClient.fromConnectionString(storage);

export const workBlob = (run: string, name: string): BlockBlobClient =>
  blobs.getContainerClient('work').getBlockBlobClient(`${run}/${name}`);

const sourceBlob = (file: string) => blobs.getContainerClient('landing').getBlockBlobClient(file);

async function publish(run: string, name: string, bytes: Uint8Array): Promise<void> {
  await blobs.getContainerClient('published').getBlockBlobClient(`${run}/${name}`).uploadData(bytes);
}

export async function writeJson(blob: BlockBlobClient, value: unknown): Promise<void> {
  await blob.uploadData(Buffer.from(JSON.stringify(value)));
}

export async function readJson<T>(blob: BlockBlobClient): Promise<T> {
  return JSON.parse((await blob.downloadToBuffer()).toString()) as T;
}

const leaf = (file: string) => file.slice(file.lastIndexOf('/') + 1).replace('.parquet', '');

/** The numbers of ranges one by one, as Parquet's INT64 wants them. */
function idsOf(ranges: readonly Range[]): bigint[] {
  return ranges.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => BigInt(first + i)));
}

/** Names of the source files, in their order. */
async function listFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of blobs.getContainerClient('landing').listBlobsFlat({ prefix: 'sales/' }))
    files.push(name);
  return files;
}

async function readKeys({ run, file }: { run: string; file: string }): Promise<FileCounts> {
  const rows = await readRows(await sourceBlob(file).downloadToBuffer());
  const keys = keysOf(rows);
  await writeJson(workBlob(run, `keys/${leaf(file)}`), keys);
  const { customers, products, orders } = keys;
  return { customers: customers.length, products: products.length, orders: orders.length, order_lines: rows.length };
}

/** The keys of all files. Which of them is whose is the files' order alone, so it may be done again. */
export async function merge(run: string, files: readonly string[]): Promise<MergedKeys> {
  const lists = await pMap(files, (file) => readJson<Keys>(workBlob(run, `keys/${leaf(file)}`)), atOnce);
  return mergeKeys(lists);
}

/** Writes the keyed entities, and for each source file the IDs of its keys. */
export async function publishKeyed(
  run: string,
  files: readonly string[],
  merged: MergedKeys,
  ranges: Record<KeyedEntity, Range[]>,
): Promise<void> {
  const ids = { customers: idsOf(ranges.customers), products: idsOf(ranges.products), orders: idsOf(ranges.orders) };
  const outputs = keyedFiles(merged.all, ids);
  for (const entity of keyedEntities) await publish(run, `${entity}/all.parquet`, outputs[entity]);
  const idsOfFile = (i: number, entity: KeyedEntity) =>
    merged.files[i]![entity].map((place) => Number(ids[entity][place]));
  const writeIds = (file: string, i: number) =>
    writeJson(workBlob(run, `ids/${leaf(file)}`), {
      customers: idsOfFile(i, 'customers'),
      products: idsOfFile(i, 'products'),
      orders: idsOfFile(i, 'orders'),
    });
  await pMap(files, writeIds, atOnce);
}

/** Merges, takes numbers for the new keys, publishes. */
async function numberKeys(take: Take, { run, files }: { run: string; files: string[] }): Promise<void> {
  const merged = await merge(run, files);
  const taken = await Promise.all(keyedEntities.map((entity) => take(run, entity, merged.all[entity].length)));
  const [customers, products, orders] = taken.map(({ ranges }) => ranges) as [Range[], Range[], Range[]];
  await publishKeyed(run, files, merged, { customers, products, orders });
  for (const numbers of taken) await numbers.used();
}

/** Writes the order lines of one file. Asks for its numbers when it knows how many rows there are. */
export async function writeLines(take: Take, { run, file }: { run: string; file: string }): Promise<void> {
  const rows = await readRows(await sourceBlob(file).downloadToBuffer());
  const keyIds = await readJson<Record<KeyedEntity, number[]>>(workBlob(run, `ids/${leaf(file)}`));
  const { ranges, used } = await take(run, 'order_lines', rows.length);
  const { customers, products, orders } = keyIds;
  const references = { customers: customers.map(BigInt), products: products.map(BigInt), orders: orders.map(BigInt) };
  await publish(run, `order_lines/${leaf(file)}.parquet`, linesFile(rows, idsOf(ranges), references));
  await used();
}

/** Registers an activity that logs its time in one line of JSON, as Ordinal's activities do. */
export function activity<In, Out>(name: string, work: (input: In) => Promise<Out>): void {
  df.app.activity(name, {
    handler: async (input: In, context: InvocationContext) => {
      const start = performance.now();
      const output = await work(input);
      context.log(JSON.stringify({ event: 'activity', name, ms: Math.round(performance.now() - start) }));
      return output;
    },
  });
}

/** Registers the first two steps. `prepare` makes a run's counters before anything else. */
export function registerReading(prepare: (run: string) => Promise<void> = async () => {}): void {
  activity('listFiles', async ({ run }: Start) => {
    await prepare(run);
    return listFiles();
  });
  activity('readKeys', readKeys);
}

/** Registers the last two steps, for patterns whose activities take the numbers themselves. */
export function registerNumbering(take: (start: Start) => Take): void {
  activity('numberKeys', (input: Start & { files: string[] }) => numberKeys(take(input), input));
  activity('writeLines', (input: Start & { file: string }) => writeLines(take(input), input));
}

/** The orchestration of these patterns: all files at once, but for the merge between. `fill` comes before it. */
export function* fanOut(context: df.OrchestrationContext, fill?: string): Generator<df.Task, void, never> {
  const start = context.df.getInput<Start>();
  const files: string[] = yield context.df.callActivity('listFiles', start);
  const all = (name: string) =>
    context.df.Task.all(files.map((file) => context.df.callActivity(name, { ...start, file })));
  const counts: FileCounts[] = yield all('readKeys');
  if (fill) yield context.df.callActivity(fill, { ...start, counts });
  yield context.df.callActivity('numberKeys', { ...start, files });
  yield all('writeLines');
}
