/**
 * Source files with random rows. Our own encoder writes what a test asks for page by page, among it what other writers
 * do rarely: dictionaries that give up midway, entries that no row uses, a dictionary page that the footer hides.
 */
import { dropUnused, encodeDictionaryChunk, encodeDictionaryPage, encodePlain } from '../../../src/parquet/encode.ts';
import { encodeIndexPages } from '../../../src/parquet/encode-pages.ts';
import { builder } from '../../../src/parquet/logical.ts';
import type { Codec, ColumnType, EncodedChunk, Values } from '../../../src/parquet/types.ts';
import { gather, slice } from '../../../src/parquet/values.ts';
import { fileOf } from '../../parquet/support/files.ts';
import { type Habit, writeAs } from '../../parquet/support/foreign.ts';
import type { ColumnKind } from './cells.ts';
import type { Row } from './reference.ts';

export type Mode = 'plain' | 'dictionary' | 'unused' | 'fallback' | 'hidden';

export interface SourceColumn {
  name: string;
  kind: ColumnKind;
  /** What the contract says. */
  nullable: boolean;
  /** What the file says. */
  optional: boolean;
  nullShare: number;
  distinct: number;
}

export interface FileShape {
  rows: number;
  rowGroup: number;
  page: number;
  codec: Codec;
  /** By column, in turn. */
  modes: Mode[];
  statistics: boolean;
  /** Order of the columns: rotated by this. */
  rotate: number;
  /** Which of a column's types the file has, in turn; 0 is its own, and the widest where `mixed`. */
  variant: number;
  /** A column that no pipeline names. */
  extra: boolean;
  /** The run's files differ in types and optionality. @default false */
  mixed?: boolean;
  /** A writer whose file it is to be; `modes` and `statistics` are then that writer's own. @default ours */
  habit?: Habit | undefined;
}

export interface SourceFile {
  bytes: Uint8Array;
  rows: Row[];
}

/** Pools of raw values by column, shared by all files so that keys repeat. */
export function poolsOf(columns: readonly SourceColumn[], random: () => number): unknown[][] {
  return columns.map(({ kind, distinct }) => Array.from({ length: distinct }, () => kind.raw(random)));
}

export function writeSource(
  columns: readonly SourceColumn[],
  pools: readonly unknown[][],
  shape: FileShape,
  random: () => number,
): SourceFile {
  const rows: Row[] = Array.from({ length: shape.rows }, () => ({}));
  const written = columns.map(({ name, kind, optional: mayBeNull, nullShare }, c) => {
    const options = shape.mixed ? [...(kind.variants ?? []), { type: kind.type }] : [{ type: kind.type }];
    const { type, raw } = options[shape.variant % options.length]! as NonNullable<ColumnKind['variants']>[number];
    const pool = pools[c]!;
    const optional = mayBeNull && !(shape.mixed && nullShare === 0 && shape.variant % 2 === 1);
    const indices = Int32Array.from({ length: shape.rows }, () =>
      optional && random() < nullShare ? -1 : Math.floor(random() * pool.length),
    );
    rows.forEach((row, r) => {
      row[name] = indices[r]! < 0 ? null : kind.cell(pool[indices[r]!]);
    });
    const values = poolValues(type, raw ? pool.map(raw) : pool);
    const groups: Int32Array[] = [];
    for (let from = 0; from < shape.rows || from === 0; from += shape.rowGroup) {
      groups.push(indices.subarray(from, Math.min(shape.rows, from + shape.rowGroup)));
    }
    const mode = type.physical === 'BOOLEAN' ? 'plain' : shape.modes[c % shape.modes.length]!;
    return { name, type, optional, pool: values, groups, mode };
  });
  if (shape.extra) written.unshift({ ...written[0]!, name: 'extra' });
  const by = shape.rotate % written.length;
  const ordered = [...written.slice(by), ...written.slice(0, by)];
  if (shape.habit) {
    // A small limit instead of the usual MiB, so that some dictionaries are given up.
    const pages = { codec: shape.codec, rowsPerPage: shape.page, dictionaryBytes: 40 * (1 + shape.variant) };
    return { bytes: writeAs(shape.habit, ordered, pages, shape.extra), rows };
  }
  const columnsOfChunks = ordered.map(({ mode, pool, groups, ...column }) => ({
    ...column,
    chunks: groups.map((part) => encodeAs(mode, pool, part, column.type, column.optional, shape)),
  }));
  return { bytes: fileOf(columnsOfChunks), rows };
}

export function poolValues(type: ColumnType, pool: readonly unknown[]): Values {
  const build = builder(type);
  for (const raw of pool) build.push(raw);
  return build.finish().values;
}

function encodeAs(
  mode: Mode,
  pool: Values,
  indices: Int32Array,
  type: ColumnType,
  optional: boolean,
  { codec, page, statistics }: Pick<FileShape, 'codec' | 'page' | 'statistics'>,
): EncodedChunk {
  const options = { rowsPerPage: page };
  const plainly = (part: Int32Array) => {
    const valid = Uint8Array.from(part, (index) => (index < 0 ? 0 : 1));
    return encodePlain(type, optional, gather(pool, part), optional ? valid : undefined, codec, options);
  };
  const chunk = ((): EncodedChunk => {
    if (mode === 'plain' || indices.length === 0) return plainly(indices);
    if (mode === 'fallback') return fallback(pool, indices, optional, codec, options, plainly);
    // With all entries, the statistics would cover unused ones: exact ones come from used entries alone.
    const used = dropUnused(pool, indices);
    if (used.dictionary.length === 0) return plainly(indices);
    const exact = encodeDictionaryChunk(used.dictionary, used.indices, type, optional, codec, options);
    if (mode === 'dictionary' || mode === 'hidden') return exact;
    const all = encodeDictionaryChunk(pool, indices, type, optional, codec, options);
    return { ...all, meta: { ...all.meta, statistics: exact.meta.statistics! } };
  })();
  const { statistics: known, dictionaryPageOffset, pageEncodings: _, ...meta } = chunk.meta;
  const hidden = mode === 'hidden' && dictionaryPageOffset !== undefined;
  return {
    parts: chunk.parts,
    meta: {
      ...meta,
      ...(statistics && known && { statistics: known }),
      // As Polars does it: the dictionary page is where data pages are said to begin.
      ...(hidden ? { dataPageOffset: 0 } : dictionaryPageOffset !== undefined && { dictionaryPageOffset }),
    },
  };
}

/** The first half in a dictionary, the rest PLAIN. */
function fallback(
  pool: Values,
  indices: Int32Array,
  optional: boolean,
  codec: Codec,
  options: { rowsPerPage: number },
  plainly: (part: Int32Array) => EncodedChunk,
): EncodedChunk {
  const half = Math.ceil(indices.length / 2);
  const first = dropUnused(pool, indices.subarray(0, half));
  const rest = plainly(indices.subarray(half));
  if (first.dictionary.length === 0 || half === indices.length) return plainly(indices);
  const dictionary = encodeDictionaryPage(slice(first.dictionary, 0, first.dictionary.length), codec);
  const pages = encodeIndexPages(first.indices, first.dictionary.length, optional, codec, options);
  const whole = plainly(indices);
  return {
    parts: [dictionary.bytes, ...pages.parts, ...rest.parts],
    meta: {
      codec,
      encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      numValues: indices.length,
      length: dictionary.bytes.length + pages.length + rest.meta.length,
      uncompressedLength: dictionary.uncompressedLength + pages.uncompressedLength + rest.meta.uncompressedLength,
      dictionaryPageOffset: 0,
      dataPageOffset: dictionary.bytes.length,
      ...(whole.meta.statistics && { statistics: whole.meta.statistics }),
    },
  };
}
