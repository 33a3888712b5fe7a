/**
 * Uses a source chunk as it is stored: copied whole, or its data pages behind another dictionary. The fragment's writer
 * and the batch call it. Each function returns undefined where the chunk cannot be used exactly, and the caller encodes
 * the column again.
 */
import { encodeDictionaryPage } from '../../parquet/encode.ts';
import { joinPages, pagesJoin } from '../../parquet/join-pages.ts';
import { levelMaxOf } from '../../parquet/levels.ts';
import { type Builder, builder } from '../../parquet/logical.ts';
import type { ChunkShape } from '../../parquet/pages.ts';
import { outputCodec, pagesReadBy, type Readers } from '../../parquet/readers.ts';
import { pagesForOtherDictionary } from '../../parquet/reused-pages.ts';
import { statisticsOf } from '../../parquet/statistics.ts';
import type {
  ChunkMeta,
  Column,
  ColumnType,
  EncodedChunk,
  Encoding,
  PageEncodingCount,
  RawStatistics,
  Values,
} from '../../parquet/types.ts';
import type { OutColumn } from '../../pipeline/compiled.ts';
import type { SourceChunk } from '../../source/source-chunk.ts';
import type { JsView } from '../contract/js-view.ts';
import type { UnitColumn } from '../unit-column.ts';

export interface Reusable {
  chunk: SourceChunk;
  shape: ChunkShape;
}

/** The one source chunk, where its levels are those of the output and its codec and pages may stand in one. */
export function reusable(source: UnitColumn, out: OutLeafType, readers: Readers): Reusable | undefined {
  const found = reusableChunks(source, out, readers);
  return found.length === 1 ? found[0] : undefined;
}

/** The same for the chunks of all row groups of a unit; none where one of them may not. */
function reusableChunks(source: UnitColumn, out: OutLeafType, readers: Readers): Reusable[] {
  const found = source.nullsAdded ? [] : source.sources();
  const all = found.every(({ chunk: { leaf, meta }, shape }) => {
    // The levels of a leaf in several OPTIONAL groups are no levels of a flat column.
    if (leaf.optional !== out.optional || levelMaxOf(leaf) > 1) return false;
    if (outputCodec(meta.codec, readers) !== meta.codec) return false;
    return pagesReadBy(readers, shape, leaf);
  });
  return all ? found : [];
}

/**
 * Way 1: the bytes of the source. One chunk is copied whole, and so are the data pages of several, where no dictionary is
 * between them. Undefined where a value changed, or where that would not be exact.
 */
export function copiedChunk(source: UnitColumn, out: OutLeafType, readers: Readers): EncodedChunk | undefined {
  if (!source.copyable) return undefined;
  const found = reusableChunks(source, out, readers);
  const pieces = found.map(({ chunk: { bytes, meta }, shape }) => ({ bytes, meta, shape }));
  if (found.length === 0 || (found.length > 1 && !pagesJoin(pieces))) return undefined;
  if (!source.provenToCopy()) return undefined;
  return found.length === 1 ? copied(found[0]!) : joinPages(pieces, out.type);
}

/**
 * The footer's facts stay true; a dictionary page that the source did not name gets named, and the decoded size is that of
 * the pages, which some writers state wrongly (parquetjs-lite).
 */
function copied({ chunk: { meta, bytes }, shape }: Reusable): EncodedChunk {
  const { uncompressedLength, dictionaryPage, dataStart } = shape;
  return {
    parts: [bytes],
    meta: copiedMeta(meta, { uncompressedLength, dictionary: dictionaryPage?.header, dataStart }),
  };
}

/** The same where nobody has seen the pages: all of it is the footer's. */
export function unreadMeta(meta: ChunkMeta): EncodedChunk['meta'] {
  const { uncompressedLength, start, dataPageOffset, dictionaryPageOffset: page } = meta;
  const dictionary = page === undefined ? undefined : page - start;
  return copiedMeta(meta, { uncompressedLength, dictionary, dataStart: dataPageOffset - start });
}

function copiedMeta(
  { codec, encodings, numValues, length, statistics, pageEncodings }: ChunkMeta,
  pages: { uncompressedLength: number; dictionary: number | undefined; dataStart: number },
): EncodedChunk['meta'] {
  return {
    codec,
    encodings,
    numValues,
    length,
    uncompressedLength: pages.uncompressedLength,
    ...(pages.dictionary !== undefined && { dictionaryPageOffset: pages.dictionary }),
    dataPageOffset: pages.dataStart,
    ...(statistics && { statistics }),
    ...(pageEncodings && { pageEncodings }),
  };
}

/** Way 2: the source's data pages behind another dictionary. */
export function behindDictionary(
  dictionary: Values,
  { chunk, shape }: Reusable,
  statistics: RawStatistics,
): EncodedChunk {
  const { codec, numValues } = chunk.meta;
  const page = encodeDictionaryPage(dictionary, codec);
  const pages = pagesForOtherDictionary(chunk.bytes, shape);
  return {
    parts: [page.bytes, ...pages.parts],
    meta: {
      codec,
      encodings: encodingsOf(shape),
      numValues,
      length: page.bytes.byteLength + pages.length,
      uncompressedLength: page.uncompressedLength + pages.uncompressedLength,
      dictionaryPageOffset: 0,
      dataPageOffset: page.bytes.byteLength,
      statistics,
      pageEncodings: pageEncodingsOf(shape),
    },
  };
}

export function encodingsOf(shape: ChunkShape): Encoding[] {
  return [...new Set([...shape.dataEncodings, 'RLE', 'PLAIN'] as const)];
}

/** Pages of a reused chunk behind a new dictionary page. */
export function pageEncodingsOf(shape: ChunkShape): PageEncodingCount[] {
  const counts: PageEncodingCount[] = [{ page: 'dictionary', encoding: 'PLAIN', count: 1 }];
  for (const { kind, encoding } of shape.pages) {
    if (kind === 'dictionary') continue;
    const known = counts.find((entry) => entry.page === kind && entry.encoding === encoding);
    if (known) known.count++;
    else counts.push({ page: kind, encoding, count: 1 });
  }
  return counts;
}

export function usedStatistics(
  dictionary: Values,
  column: Extract<Column, { form: 'dictionary' }>,
  out: OutLeafType,
): RawStatistics {
  const used = usedEntries(column);
  return statisticsOf(dictionary, out.type, used, column.nulls);
}

function usedEntries(column: Extract<Column, { form: 'dictionary' }>): Uint8Array {
  const { indices, rows } = column;
  const used = new Uint8Array(column.dictionary.length);
  let left = used.length;
  for (let row = 0; row < rows && left > 0; row++) {
    const entry = indices[row]!;
    if (entry < 0 || used[entry] === 1) continue;
    used[entry] = 1;
    left--;
  }
  return used;
}

/**
 * Way 2 for a mapped column: the function runs on the dictionary's used entries and the data pages stay. Undefined
 * where that would not be exact: a null result or a null argument changes levels, booleans have no dictionaries.
 */
export function mapDictionary(
  column: Extract<OutColumn, { kind: 'map' | 'compute' | 'constant' }>,
  source: UnitColumn,
  out: OutLeafType,
  ways: Ways,
  readers: Readers,
): EncodedChunk | undefined {
  if (column.kind === 'constant' || out.type.physical === 'BOOLEAN' || ways === 'encode') return undefined;
  const found = reusable(source, out, readers);
  if (!found?.shape.whollyDictionary) return undefined;
  const values = source.column();
  const view: JsView = source.js();
  if (values.form !== 'dictionary' || view.form !== 'dictionary') return undefined;
  if (values.nulls > 0 && (column.kind === 'compute' || column.nulls)) return undefined;
  const used = usedEntries(values);
  const build = builder(out.type);
  let spare: unknown;
  for (let entry = 0; entry < used.length && spare === undefined; entry++) {
    if (used[entry] === 1) spare = tryApply(column, view, entry);
  }
  if (spare === undefined || spare === null) return undefined;
  for (let entry = 0; entry < used.length; entry++) {
    // An unused entry takes a value that occurs, so that the dictionary holds nothing else.
    const value = used[entry] === 1 ? tryApply(column, view, entry) : spare;
    if (value === undefined || value === null || !tryPush(build, value)) return undefined;
  }
  const dictionary = build.finish().values;
  const statistics = statisticsOf(dictionary, out.type, used, values.nulls);
  return behindDictionary(dictionary, found, statistics);
}

/** Undefined when the entry is unreadable or the function throws: the slow way then reports the row. */
function tryApply(
  column: Extract<OutColumn, { kind: 'map' | 'compute' }>,
  view: JsView & { form: 'dictionary' },
  entry: number,
): unknown {
  if (view.unreadable.has(entry)) return undefined;
  try {
    return column.fn(view.values[entry]);
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

/** A column of an output file; the plan decides it for all files of a run. */
export interface OutLeafType {
  name: string;
  type: ColumnType;
  optional: boolean;
}

/**
 * Which ways through may be taken: `any` is what a run uses; the others forbid copying (`dictionary`), or copying and
 * work on dictionaries (`encode`), and must give the same values.
 */
export type Ways = 'any' | 'dictionary' | 'encode';
