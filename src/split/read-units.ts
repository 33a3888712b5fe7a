/**
 * A batch's units with their chunks, in order, each read while its predecessor is worked on. Cuts the same units as the
 * plan did. Called by the split activity.
 */
import type { Plan } from '../documents/documents.ts';
import { filesOfBatch, loadFooter, type Planned } from '../documents/load.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import type { FileMeta, Leaf } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { type OpenFile, openFiles, type WantedFile } from '../source/open-files.ts';
import type { SourceChunk, UnitPlace } from '../source/source-chunk.ts';
import { leafOf } from '../source/source-file.ts';
import { decodedBytes, type Unit, UnitCutter, type UnitGroup } from '../source/units.ts';
import { type PassesUnread, passesUnread, type UnreadChunk } from './unread-chunks.ts';

/** A unit as it was read. */
export interface FetchedUnit {
  place: UnitPlace;
  /** By contract column: its chunks in the unit's row groups. */
  chunks: Map<string, SourceChunk[]>;
  /** By contract column, of those that have none there: the chunk that the service copies. */
  unread: Map<string, UnreadChunk>;
}

/** A row group that the batch reads. */
interface BatchGroup extends UnitGroup {
  blob: string;
  /** Its file, until the chunks are read: a small file is not kept in memory for the few columns that are used. */
  from: { file: OpenFile; meta: FileMeta; leaves: readonly Leaf[] } | undefined;
  /** Of the contract's columns that are read, in their order. */
  chunks: SourceChunk[];
  /** Row number, in the file, of the group's first row. */
  firstRow: number;
}

type Chunks = Pick<FetchedUnit, 'chunks' | 'unread'>;

/** Throws what a source file gives: `SourceChanged`, `NotParquet`, `CorruptFile`, ..., by the file's name. */
export async function* readUnits(
  environment: Environment,
  planned: Planned,
  batch: number,
  without: ReadonlySet<string>,
): AsyncIterable<FetchedUnit> {
  const { plan, pipeline } = planned;
  const names = pipeline.contract.map(({ name }) => name);
  const passes = passesUnread(pipeline, plan);
  const spans = await spansOf(environment, plan, batch, without);
  const units = unitsOf(environment, planned, spans)[Symbol.asyncIterator]();
  let row = 0;
  // Parts of one row group are read once.
  let last: { group: BatchGroup; chunks: Promise<Chunks> } | undefined;
  const advance = async (): Promise<FetchedUnit | undefined> => {
    const { value: unit, done } = await units.next();
    if (done) return undefined;
    const [first] = unit.rowGroups;
    const { window } = unit;
    if (!window || last?.group !== first) {
      const unread = !passes || window ? new Map() : unreadOf(pipeline, unit.rowGroups, passes);
      last = { group: first!, chunks: fetchChunks(names, unit.rowGroups, unread) };
    }
    const { chunks: fetching } = last!;
    const place = placeOf(unit, row);
    row += unit.rows;
    const { chunks, unread } = await fetching;
    if (!window) return { place, chunks, unread };
    const part = [...chunks].map(([name, list]) => [name, list.map((chunk) => ({ ...chunk, window }))] as const);
    return { place, chunks: new Map(part), unread };
  };
  for (let next = advance(); ; ) {
    const unit = await next;
    if (!unit) break;
    next = advance();
    // An error here must not leave the prefetch's rejection unhandled.
    next.catch(() => undefined);
    yield unit;
  }
  const rows = plan.batches[batch]!.rows - spans.reduce((sum, span) => sum + (span.out ? span.rows : 0), 0);
  invariant(row === rows, `batch ${batch} has ${row} rows where the plan has ${rows}`);
}

async function* unitsOf(
  environment: Environment,
  planned: Planned,
  spans: readonly FileSpan[],
): AsyncIterable<Unit<BatchGroup>> {
  const { plan, pipeline } = planned;
  const files = spans.filter(({ out }) => !out);
  const cutter = new UnitCutter<BatchGroup>({
    rows: plan.unitRows,
    bytes: plan.unitBytes,
    columns: pipeline.contract.length,
  });
  const opened = openFiles(environment.store, pipeline.source.container, files, (file) =>
    loadFooter(environment, planned, file),
  );
  let f = 0;
  for await (const file of opened) {
    const meta = withAbsent(file.meta, pipeline.contract);
    const { blob } = file.file;
    const leaves = pipeline.contract.map((contract) => leafOf(meta, contract, blob));
    const { from, to = meta.rowGroups.length } = files[f]!;
    let { firstRow } = files[f]!;
    const groups = meta.rowGroups.slice(from, to).map((group, g): BatchGroup => {
      const { rows } = group;
      const place = { blob, rowGroup: from + g, firstRow };
      firstRow += rows;
      return { ...place, rows, bytes: decodedBytes(leaves, group), from: { file, meta, leaves }, chunks: [] };
    });
    if (file.inMemory) await readChunks(groups);
    for (const group of groups) yield* cutter.add(group);
    f++;
  }
  yield* cutter.end();
}

/** A file of a batch, and what of it the batch reads. */
export interface FileSpan extends WantedFile {
  /** Number among the run's files. */
  number: number;
  /** Rows of the file that are in the batch. */
  rows: number;
  /** Row groups [from, to); to its end where `to` is absent. */
  from: number;
  to?: number;
  /** Row number, in the file, of the first row that the batch reads. */
  firstRow: number;
  /** The file is set aside: the batch reads nothing of it. */
  out: boolean;
}

/** The files of a batch. A file whose rows are all in the batch is wanted whole. `without`: blobs that are set aside. */
export async function spansOf(
  environment: Environment,
  plan: Plan,
  batch: number,
  without: ReadonlySet<string>,
): Promise<FileSpan[]> {
  const files = await filesOfBatch(environment, plan, batch);
  const spec = plan.batches[batch]!;
  const bad = new Set(plan.badFiles?.map(({ file }) => file));
  let left = spec.rows;
  return files.map((file, f): FileSpan => {
    const number = spec.file + f;
    const firstRow = f === 0 ? spec.firstRow : 0;
    // What the plan sets aside has no rows in it.
    const all = bad.has(number) ? 0 : file.rows;
    const rows = Math.min(left, all - firstRow);
    left -= rows;
    const out = bad.has(number) || without.has(file.blob);
    const span = { ...file, number, rows, whole: rows === all, out, from: f === 0 ? spec.from : 0, firstRow };
    return f === files.length - 1 ? { ...span, to: spec.to } : span;
  });
}

function placeOf({ rowGroups, rows, window }: Unit<BatchGroup>, row: number): UnitPlace {
  let start = 0;
  const pieces = rowGroups.map((group) => {
    const { rowGroup, firstRow } = group;
    const piece = { blob: group.blob, rowGroup, start, firstRow: firstRow + (window?.from ?? 0) };
    start += group.rows;
    return piece;
  });
  return { row, rows, pieces };
}

/** The chunks of a unit that the service copies, by column: none where its row groups are several, or in memory anyway. */
function unreadOf(
  { contract }: CompiledPipeline,
  groups: readonly BatchGroup[],
  passes: PassesUnread,
): Map<string, UnreadChunk> {
  const unread = new Map<string, UnreadChunk>();
  const [group] = groups;
  if (!group?.from || groups.length > 1) return unread;
  const { file, meta, leaves } = group.from;
  for (const [c, column] of contract.entries()) {
    const chunk = meta.rowGroups[group.rowGroup]!.chunks[leaves[c]!.ordinal]!;
    if (passes(column, leaves[c]!, chunk))
      unread.set(column.name, { file: file.file, type: leaves[c]!.type, meta: chunk });
  }
  return unread;
}

/** The chunks of consecutive row groups, by column, but those that stay unread. Those of one file are asked for together. */
async function fetchChunks(
  names: readonly string[],
  groups: readonly BatchGroup[],
  unread: Map<string, UnreadChunk>,
): Promise<Chunks> {
  const byFile = new Map<OpenFile, BatchGroup[]>();
  for (const group of groups) {
    if (!group.from) continue;
    const own = byFile.get(group.from.file);
    if (own) own.push(group);
    else byFile.set(group.from.file, [group]);
  }
  const wanted = names.map((name) => !unread.has(name));
  await Promise.all([...byFile.values()].map((own) => readChunks(own, wanted)));
  const read = names
    .filter((_, c) => wanted[c])
    .map((name, c) => [name, groups.map(({ chunks }) => chunks[c]!)] as const);
  return { chunks: new Map(read), unread };
}

/** Reads the chunks of row groups of one file; of all columns, or of those that are `wanted`. */
async function readChunks(groups: readonly BatchGroup[], wanted?: readonly boolean[]): Promise<void> {
  const source = groups[0]?.from;
  if (!source) return;
  const { file, meta } = source;
  const leaves = source.leaves.filter((_, c) => wanted?.[c] ?? true);
  const metas = groups.flatMap(({ rowGroup }) => {
    const { chunks } = meta.rowGroups[rowGroup]!;
    return leaves.map(({ ordinal }) => chunks[ordinal]!);
  });
  const bodies = await file.read(metas);
  for (const [g, group] of groups.entries()) {
    const { blob, rowGroup, rows } = group;
    group.chunks = leaves.map((leaf, c) => {
      const at = g * leaves.length + c;
      return { blob, leaf, meta: metas[at]!, rows, rowGroup, bytes: bodies[at]! };
    });
    group.from = undefined;
  }
}
