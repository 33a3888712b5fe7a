/**
 * The static half of a fragment: every column of a rows entity's row group that needs no ID, and the index pages of
 * those that do. Three ways through, the cheapest that is exact, chosen per column chunk:
 *
 * 1. copied: the contract changed nothing and no row was dropped: the source's bytes as they are;
 * 2. dictionary: the source's data pages as they are, behind a dictionary of mapped values or, later, of IDs;
 * 3. encoded: decoded values, gathered for the selected rows, encoded anew.
 */
import { invariant, OrdinalError } from '../errors.ts';
import { encodeColumn, encodeDictionaryPage, encodeIndexPages, encodePlain } from '../parquet/encode.ts';
import { type Builder, builder } from '../parquet/logical.ts';
import type { ChunkShape } from '../parquet/pages.ts';
import { statisticsOf } from '../parquet/statistics.ts';
import type {
  Codec,
  Column,
  ColumnType,
  EncodedChunk,
  Encoding,
  PageEncodingCount,
  RawStatistics,
  Values,
} from '../parquet/types.ts';
import { allocate } from '../parquet/values.ts';
import type { OutColumn, RowsEntity } from '../pipeline/compiled.ts';
import type { CleanColumn } from './clean.ts';
import { evaluate } from './evaluate.ts';
import type { Fragment, FragmentColumn } from './fragment.ts';
import type { JsView } from './js-view.ts';
import { type FedKeys, feedKey } from './key-lists.ts';
import { checkPages, type SourceChunk } from './source-chunk.ts';
import type { Selection, SourceUnit } from './source-unit.ts';

/** A column of an output file; the plan decides it for all files of a run. */
export interface OutLeafType {
  name: string;
  type: ColumnType;
  optional: boolean;
}

/** The static bytes of a column, or of its index pages; undefined for columns that are late altogether. */
export type StaticParts = Uint8Array[] | undefined;

export interface WrittenFragment {
  fragment: Fragment;
  /** By column. */
  parts: StaticParts[];
}

/** Codecs that we write; a source in any other gets new chunks in ZSTD. */
const WRITABLE: ReadonlySet<Codec> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4_RAW']);

/**
 * Which ways through may be taken: `any` is what a run uses; the others forbid copying (`dictionary`), or copying and
 * work on dictionaries (`encode`), and must give the same values.
 */
export type Ways = 'any' | 'dictionary' | 'encode';

export interface FragmentContext {
  unit: SourceUnit;
  fed: ReadonlyMap<string, FedKeys>;
  outputs: readonly OutLeafType[];
  /** Number of the row group within the batch's output of this entity. */
  rowGroup: number;
  /** Rows that the batch's earlier row groups gave to each rows entity. */
  rowsBefore: ReadonlyMap<string, number>;
  ways: Ways;
  /** Keeps an Int32 list beside the record; returns its number. */
  section(values: Int32Array): number;
}

/** Writes the static half for one unit; undefined when the entity takes no row of it. */
export function writeFragment(entity: RowsEntity, context: FragmentContext): WrittenFragment | undefined {
  const { unit } = context;
  const selection = unit.selection(entity.where && entity.name);
  const rows = selection?.rows.length ?? unit.rows;
  if (rows === 0) return undefined;
  const columns: FragmentColumn[] = [];
  const parts: StaticParts[] = [];
  entity.columns.forEach((column, c) => {
    const written = writeColumn(column, entity, context.outputs[c]!, selection, context);
    columns.push(written.column);
    parts.push(written.parts);
  });
  return { fragment: { rowGroup: context.rowGroup, rows, columns }, parts };
}

interface WrittenColumn {
  column: FragmentColumn;
  parts: StaticParts;
}

function writeColumn(
  column: OutColumn,
  entity: RowsEntity,
  out: OutLeafType,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  switch (column.kind) {
    case 'id':
      return { column: { kind: 'id', sequence: column.sequence }, parts: undefined };
    case 'rowRef':
      return rowReference(column, selection, context);
    case 'ref':
      return reference(column, entity, out, selection, context);
    case 'key':
      throw new OrdinalError('Internal', 'a rows entity has no key column');
    case 'copy':
      return whole(copyColumn(unit.column(column.source), out, selection, context));
    case 'map':
    case 'compute':
    case 'constant': {
      const source = sourceOf(column, unit);
      const mapped = selection || !source ? undefined : mapDictionary(column, source, out, context.ways);
      return whole(mapped ?? encode(evaluate(column, unit, selection?.rows), out, codecOf(source, unit)));
    }
  }
}

function whole(chunk: EncodedChunk): WrittenColumn {
  return { column: { kind: 'static', meta: chunk.meta }, parts: chunk.parts };
}

function encode(column: Column, out: OutLeafType, codec: Codec): EncodedChunk {
  return encodeColumn(column, out.type, out.optional, codec);
}

/** The one source column of a mapped or computed column, if there is just one. */
function sourceOf(column: OutColumn, unit: SourceUnit): CleanColumn | undefined {
  if (column.kind === 'map') return unit.column(column.source);
  if (column.kind === 'compute' && column.sources.length === 1) return unit.column(column.sources[0]!);
  return undefined;
}

export function writableCodec(codec: Codec): Codec {
  return WRITABLE.has(codec) ? codec : 'ZSTD';
}

/** New pages use the codec of the source beside them, so what could read the source can read the output. */
function codecOf(source: CleanColumn | undefined, unit: SourceUnit): Codec {
  return writableCodec(source?.codec ?? unit.codec());
}

interface Reusable {
  chunk: SourceChunk;
  shape: ChunkShape;
}

/** The source chunk, where its levels are those of the output and its codec may stand in one. */
function reusable(source: CleanColumn, out: OutLeafType): Reusable | undefined {
  const found = source.source();
  if (!found || source.nullsAdded) return undefined;
  const { leaf, meta } = found.chunk;
  return leaf.optional === out.optional && WRITABLE.has(meta.codec) ? found : undefined;
}

function copyColumn(
  source: CleanColumn,
  out: OutLeafType,
  selection: Selection | undefined,
  { ways, unit }: FragmentContext,
): EncodedChunk {
  const found = selection || ways === 'encode' ? undefined : reusable(source, out);
  if (found) {
    if (source.copyable && ways === 'any') {
      checkPages(found.chunk, unit.place.blob, found.shape);
      return copied(found);
    }
    const column = source.column();
    if (column.form === 'dictionary' && found.shape.whollyDictionary) {
      return behindDictionary(column.dictionary, found, usedStatistics(column.dictionary, column, out));
    }
  }
  const column = selection ? source.gather(selection.rows) : source.column();
  return encode(column, out, writableCodec(source.codec));
}

/** Way 1: the chunk's bytes. The footer's facts stay true; a dictionary page that the source did not name gets named. */
function copied({ chunk, shape }: Reusable): EncodedChunk {
  const { meta, bytes } = chunk;
  return {
    parts: [bytes],
    meta: {
      codec: meta.codec,
      encodings: meta.encodings,
      numValues: meta.numValues,
      length: bytes.byteLength,
      uncompressedLength: meta.uncompressedLength,
      ...(shape.dictionaryPage && { dictionaryPageOffset: shape.dictionaryPage.header }),
      dataPageOffset: shape.dataStart,
      ...(meta.statistics && { statistics: meta.statistics }),
      ...(meta.pageEncodings && { pageEncodings: meta.pageEncodings }),
    },
  };
}

/** Way 2: the source's data pages behind another dictionary. */
function behindDictionary(dictionary: Values, { chunk, shape }: Reusable, statistics: RawStatistics): EncodedChunk {
  const { codec, numValues } = chunk.meta;
  const page = encodeDictionaryPage(dictionary, codec);
  const pages = chunk.bytes.subarray(shape.dataStart, shape.dataEnd);
  return {
    parts: [page.bytes, pages],
    meta: {
      codec,
      encodings: encodingsOf(shape),
      numValues,
      length: page.bytes.byteLength + pages.byteLength,
      uncompressedLength: page.uncompressedLength + shape.dataUncompressedLength,
      dictionaryPageOffset: 0,
      dataPageOffset: page.bytes.byteLength,
      statistics,
      pageEncodings: pageEncodingsOf(shape),
    },
  };
}

function encodingsOf(shape: ChunkShape): Encoding[] {
  return [...new Set([...shape.dataEncodings, 'RLE', 'PLAIN'] as const)];
}

/** Pages of a reused chunk behind a new dictionary page. */
function pageEncodingsOf(shape: ChunkShape): PageEncodingCount[] {
  const counts: PageEncodingCount[] = [{ page: 'dictionary', encoding: 'PLAIN', count: 1 }];
  for (const { kind, encoding } of shape.pages) {
    if (kind === 'dictionary') continue;
    const known = counts.find((entry) => entry.page === kind && entry.encoding === encoding);
    if (known) known.count++;
    else counts.push({ page: kind, encoding, count: 1 });
  }
  return counts;
}

function usedStatistics(
  dictionary: Values,
  column: Extract<Column, { form: 'dictionary' }>,
  out: OutLeafType,
): RawStatistics {
  const used = usedEntries(column);
  return statisticsOf(dictionary, out.type, used, column.nulls);
}

function usedEntries(column: Extract<Column, { form: 'dictionary' }>): Uint8Array {
  const used = new Uint8Array(column.dictionary.length);
  for (let row = 0; row < column.rows; row++) {
    const entry = column.indices[row]!;
    if (entry >= 0) used[entry] = 1;
  }
  return used;
}

/**
 * Way 2 for a mapped column: the function runs on the dictionary's used entries and the data pages stay. Undefined
 * where that would not be exact: a null result or a null argument changes levels, booleans have no dictionaries.
 */
function mapDictionary(
  column: Extract<OutColumn, { kind: 'map' | 'compute' | 'constant' }>,
  source: CleanColumn,
  out: OutLeafType,
  ways: Ways,
): EncodedChunk | undefined {
  if (column.kind === 'constant' || out.type.physical === 'BOOLEAN' || ways === 'encode') return undefined;
  const found = reusable(source, out);
  if (!found?.shape.whollyDictionary) return undefined;
  const values = source.column();
  const view: JsView = source.js();
  if (values.form !== 'dictionary' || view.form !== 'dictionary') return undefined;
  if (values.nulls > 0 && (column.kind === 'compute' || column.nulls)) return undefined;
  const used = usedEntries(values);
  const build = builder(out.type);
  let spare: unknown;
  for (let entry = 0; entry < used.length && spare === undefined; entry++) {
    if (used[entry] === 1) spare = tryApply(column, view.values[entry]);
  }
  if (spare === undefined || spare === null) return undefined;
  for (let entry = 0; entry < used.length; entry++) {
    // An unused entry takes a value that occurs, so that the dictionary holds nothing else.
    const value = used[entry] === 1 ? tryApply(column, view.values[entry]) : spare;
    if (value === undefined || value === null || !tryPush(build, value)) return undefined;
  }
  const dictionary = build.finish().values;
  const statistics = statisticsOf(dictionary, out.type, used, values.nulls);
  return behindDictionary(dictionary, found, statistics);
}

/** Undefined when the function throws: the slow way then reports the row. */
function tryApply(column: Extract<OutColumn, { kind: 'map' | 'compute' }>, value: unknown): unknown {
  try {
    return column.fn(value);
  } catch {
    return undefined;
  }
}

function tryPush(build: Builder, value: unknown): boolean {
  try {
    build.push(value);
    return true;
  } catch {
    return false;
  }
}

function reference(
  column: Extract<OutColumn, { kind: 'ref' }>,
  entity: RowsEntity,
  out: OutLeafType,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  const feed = context.fed.get(
    feedKey({ target: column.entity, columns: column.columns, ...(entity.where && { selectedBy: entity.name }) }),
  );
  invariant(feed, `reference "${column.name}" feeds "${column.entity}"`);
  const rows = selection?.rows.length ?? unit.rows;
  const source = unit.column(column.columns[0]!);
  const codec = writableCodec(source.codec);
  if (feed.factor.distinct === 0) {
    return whole(encodePlain(out.type, out.optional, allocate(out.type, rows), new Uint8Array(rows), codec));
  }
  const reused =
    column.columns.length === 1 && !selection && context.ways !== 'encode'
      ? reusedPages(column, source, out, feed, context)
      : undefined;
  if (reused) return reused;
  const indices = selection ? gatherCodes(feed.factor.codes, selection.rows) : feed.factor.codes;
  const pages = encodeIndexPages(indices, feed.factor.distinct, out.optional, codec);
  return {
    column: {
      kind: 'ref',
      target: column.entity,
      keys: context.section(feed.ordinals),
      pages: {
        codec,
        length: pages.length,
        uncompressedLength: pages.uncompressedLength,
        encodings: ['RLE_DICTIONARY', 'RLE', 'PLAIN'],
        numValues: pages.numValues,
        nulls: pages.nulls,
      },
    },
    parts: pages.parts,
  };
}

/** Way 2 for a foreign key: the source's index pages mean the same rows; only the dictionary's meaning changes. */
function reusedPages(
  column: Extract<OutColumn, { kind: 'ref' }>,
  source: CleanColumn,
  out: OutLeafType,
  feed: FedKeys,
  context: FragmentContext,
): WrittenColumn | undefined {
  const found = reusable(source, out);
  const values = source.column();
  if (!found?.shape.whollyDictionary || values.form !== 'dictionary') return undefined;
  const { shape } = found;
  const { meta, bytes } = found.chunk;
  const { firstRow, distinct } = feed.factor;
  // Unused entries take a key that occurs, so that the dictionary holds nothing else.
  const keys = new Int32Array(values.dictionary.length).fill(feed.ordinals[0]!);
  for (let code = 0; code < distinct; code++) keys[values.indices[firstRow[code]!]!] = feed.ordinals[code]!;
  return {
    column: {
      kind: 'ref',
      target: column.entity,
      keys: context.section(keys),
      pages: {
        codec: meta.codec,
        length: shape.dataEnd - shape.dataStart,
        uncompressedLength: shape.dataUncompressedLength,
        encodings: encodingsOf(shape),
        pageEncodings: pageEncodingsOf(shape),
        numValues: meta.numValues,
        nulls: values.nulls,
      },
    },
    parts: [bytes.subarray(shape.dataStart, shape.dataEnd)],
  };
}

function gatherCodes(codes: Int32Array, rows: Int32Array): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = codes[rows[i]!]!;
  return out;
}

/** Rows of another rows entity from the same source rows: by position where both take all rows, else by rank. */
function rowReference(
  column: Extract<OutColumn, { kind: 'rowRef' }>,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  const codec = writableCodec(unit.codec());
  const first = context.rowsBefore.get(column.entity) ?? 0;
  const base = { kind: 'rowRef' as const, target: column.entity, first, codec };
  const targetMask = unit.selection(column.entity)?.mask;
  if (!targetMask && !selection) return { column: base, parts: undefined };
  const rank = new Int32Array(unit.rows);
  for (let row = 0, next = 0; row < unit.rows; row++) {
    rank[row] = targetMask && targetMask[row] === 0 ? -1 : first + next++;
  }
  const rows = selection ? gatherCodes(rank, selection.rows) : rank;
  return { column: { ...base, rows: context.section(rows) }, parts: undefined };
}
