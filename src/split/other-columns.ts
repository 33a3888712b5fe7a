/**
 * What the source holds of refused rows in the columns that no pipeline reads, so that a refused row is kept whole. Called
 * by the split of a batch that refused rows. A column that cannot be kept is named with the reason: it must never fail the
 * run, for nobody asked for it.
 */
import { filesOfBatch, loadFooter, type Planned } from '../documents/load.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { gatherColumn } from '../parquet/columns.ts';
import { writtenType } from '../parquet/readers.ts';
import type { TableColumn } from '../parquet/table.ts';
import { typeText } from '../parquet/type-text.ts';
import type { Column, ColumnType, FileMeta, Leaf } from '../parquet/types.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { retypeColumn } from '../source/retype.ts';
import { decodeSource, type SourceChunk, shapeOfChunk } from '../source/source-chunk.ts';
import { leafOf, type PinnedBlob, readRanges } from '../source/source-file.ts';
import { widest } from '../source/widen.ts';
import { mapBounded } from '../storage/in-flight.ts';
import {
  isAdded,
  type LeftOutColumn,
  nameIsAdded,
  nullsOf,
  type RejectedRows,
  tableColumn,
} from './contract/rejected-rows.ts';
import { ValueList } from './keys/value-list.ts';

/** Columns with one value for each refused row, and those that could not be kept. */
export interface OtherColumns {
  columns: TableColumn[];
  leftOut: LeftOutColumn[];
}

/** Stored bytes of column chunks that are read at a time. */
const BYTES_AT_ONCE = 64 * 1024 * 1024;

/** A column over the files of the batch. */
interface Kept {
  type: ColumnType;
  list: ValueList;
}

/** A file with refused rows, and its leaves that no contract names. */
interface RefusedFile {
  file: PinnedBlob;
  meta: FileMeta;
  leaves: ReadonlyMap<string, Leaf>;
}

/**
 * Reads the other columns of refused rows.
 * @param rows the refused rows, in their order
 * @throws OrdinalError what reading a blob throws that may pass: `StorageFailed`, `SourceChanged`
 */
export async function readOtherColumns(
  environment: Environment,
  planned: Planned,
  batch: number,
  rows: RejectedRows['places'],
): Promise<OtherColumns> {
  const leftOut = new Map<string, string>();
  const files = await refusedFiles(environment, planned, batch, rows, leftOut);
  const kept = keptColumns(planned, [...files.values()], leftOut);
  for (const { blob, rowGroup, at } of byRowGroup(rows, files)) {
    const file = files.get(blob)!;
    for (const names of divided(file, rowGroup, [...kept.keys()])) {
      for (const [name, column] of await readColumns(environment, planned, file, rowGroup, names, at, kept, leftOut)) {
        kept.get(name)!.list.add(column);
      }
    }
    for (const name of leftOut.keys()) kept.delete(name);
  }
  return {
    columns: [...kept].map(([name, { type, list }]) => tableColumn(name, type, list)),
    leftOut: [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)).map(([column, why]) => ({ column, why })),
  };
}

async function refusedFiles(
  environment: Environment,
  planned: Planned,
  batch: number,
  rows: RejectedRows['places'],
  leftOut: Map<string, string>,
): Promise<Map<string, RefusedFile>> {
  const blobs = new Set(rows.map(({ blob }) => blob));
  const wanted = (await filesOfBatch(environment, planned.plan, batch)).filter(({ blob }) => blobs.has(blob));
  const footers = await mapBounded(wanted, environment.config.requestsInFlight, (file) =>
    loadFooter(environment, planned, file),
  );
  const { contract } = planned.pipeline;
  return new Map(
    wanted.map((file, f) => {
      const meta = footers[f]!;
      const whole = withAbsent(meta, contract);
      const own = new Set(contract.map((column) => leafOf(whole, column, file.blob).ordinal));
      const others = meta.leaves.filter(({ ordinal }) => !own.has(ordinal));
      return [file.blob, { file, meta, leaves: leavesByName(others, planned, leftOut) }];
    }),
  );
}

/** Leaves that can be columns of the table of refused rows. */
function leavesByName(leaves: readonly Leaf[], { pipeline }: Planned, leftOut: Map<string, string>) {
  const byName = new Map<string, Leaf>();
  for (const leaf of leaves) {
    const { name } = leaf;
    if (leaf.nested) leftOut.set(leaf.path?.[0]?.name ?? name.split('.')[0]!, 'it is a list or a map');
    else if (isAdded(name)) leftOut.set(name, nameIsAdded);
    else if (byName.has(name) || pipeline.contract.some((column) => column.name === name)) {
      leftOut.set(name, 'the file has two columns of that name');
    } else byName.set(name, leaf);
  }
  return byName;
}

/** The columns of all files, each in the type that holds the values of all. */
function keptColumns({ pipeline }: Planned, files: readonly RefusedFile[], leftOut: Map<string, string>) {
  const types = new Map<string, ColumnType>();
  for (const { leaves } of files) {
    for (const [name, { type }] of leaves) {
      const known = types.get(name);
      const wide = known ? widest(known, type) : type;
      if (wide) types.set(name, wide);
      else leftOut.set(name, `it is ${typeText(known!)} in one file and ${typeText(type)} in another`);
    }
  }
  const kept = new Map<string, Kept>();
  for (const [name, type] of types) {
    const written = writtenType(type, 'any', pipeline.readers);
    if (!written) leftOut.set(name, `the readers of the datasets do not know its type, ${typeText(type)}`);
    else if (!leftOut.has(name)) kept.set(name, { type: written, list: new ValueList(written) });
  }
  return kept;
}

/** Refused rows of each row group: their numbers in it. */
function byRowGroup(rows: RejectedRows['places'], files: ReadonlyMap<string, RefusedFile>) {
  const groups: { blob: string; rowGroup: number; first: number; at: number[] }[] = [];
  for (const { blob, rowGroup, row } of rows) {
    let group = groups.at(-1);
    if (group?.blob !== blob || group.rowGroup !== rowGroup) {
      const before = files.get(blob)!.meta.rowGroups.slice(0, rowGroup);
      group = { blob, rowGroup, first: before.reduce((sum, one) => sum + one.rows, 0), at: [] };
      groups.push(group);
    }
    group.at.push(row - group.first);
  }
  return groups;
}

/** The columns in parts that are read at a time. */
function divided({ meta, leaves }: RefusedFile, rowGroup: number, names: readonly string[]): string[][] {
  const parts: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const leaf = leaves.get(name);
    const length = leaf ? meta.rowGroups[rowGroup]!.chunks[leaf.ordinal]!.length : 0;
    if (bytes + length > BYTES_AT_ONCE) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(name);
    bytes += length;
  }
  return parts;
}

/** What some columns hold in the rows `at` of a row group; nulls of a column that the file has not. */
async function readColumns(
  environment: Environment,
  { pipeline }: Planned,
  { file, meta, leaves }: RefusedFile,
  rowGroup: number,
  names: readonly string[],
  at: readonly number[],
  kept: ReadonlyMap<string, Kept>,
  leftOut: Map<string, string>,
): Promise<[string, Column][]> {
  const { blob } = file;
  const { rows, chunks } = meta.rowGroups[rowGroup]!;
  const there = names.flatMap((name) => {
    const leaf = leaves.get(name);
    const chunk = leaf && chunks[leaf.ordinal]!;
    if (!chunk || chunk.length <= limits.columnBytesMax) return [{ name, leaf, chunk }];
    leftOut.set(name, `a chunk of it has ${chunk.length} bytes, more than ${limits.columnBytesMax}`);
    return [];
  });
  const ranges = there.flatMap(({ chunk }) => (chunk ? [chunk] : []));
  const bodies = (await readRanges(environment.store, pipeline.source.container, file, ranges)).values();
  return there.flatMap(({ name, leaf, chunk }): [string, Column][] => {
    const { type } = kept.get(name)!;
    try {
      if (!leaf || !chunk) return [[name, nullsOf(type, at.length)]];
      const source: SourceChunk = { blob, leaf, meta: chunk, bytes: bodies.next().value!, rows, rowGroup };
      const decoded = decodeSource(source, shapeOfChunk(source), (length) => new Int32Array(length));
      const column = gatherColumn(decoded, Int32Array.from(at));
      return [[name, retypeColumn(column, leaf.type, type, () => ({ blob, rowGroup, column: name }))]];
    } catch (thrown) {
      if (!(thrown instanceof OrdinalError)) throw thrown;
      leftOut.set(name, `${blob}, row group ${rowGroup}: ${thrown.message}`.slice(0, limits.badFileReasonMax));
      return [];
    }
  });
}
