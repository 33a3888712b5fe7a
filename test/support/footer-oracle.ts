/**
 * The footer oracle: everything that a file's footer claims, compared with what a full decode by another reader says.
 * hyparquet's thrift reader reads the footer and the page headers, and hyparquet decodes the values, with all logical types
 * left out so that they stay physical. Nothing of `src` is used. Called by tests for the files that are published.
 */
import assert from 'node:assert/strict';
import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { compressors } from './compressors.ts';

/** `Statistics` of parquet.thrift, by field number. */
interface StatisticsFields {
  field_1?: Uint8Array;
  field_2?: Uint8Array;
  field_3?: bigint;
  field_4?: bigint;
  field_5?: Uint8Array;
  field_6?: Uint8Array;
  field_7?: boolean;
  field_8?: boolean;
}

interface Group {
  /** Row number of its first row. */
  first: number;
  rows: number;
}

type Meta = NonNullable<FileMetaData['row_groups'][number]['columns'][number]['meta_data']>;
type Element = FileMetaData['schema'][number];
type Physical = boolean | number | bigint | Uint8Array;

/** Throws at the first claim of the footer that is not true. `bytes` is a whole file of flat columns. */
export async function checkFooter(bytes: Uint8Array, name = 'file'): Promise<void> {
  const file = new Uint8Array(bytes);
  const metadata = parquetMetadata(file.buffer, { geoparquet: false });
  const view = new DataView(file.buffer);
  const raw = deserializeTCompactProtocol({ view, offset: file.length - 8 - metadata.metadata_length });
  const leaves = metadata.schema.slice(1);
  const rows = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  assert.equal(Number(metadata.num_rows), rows, `${name}: rows`);
  let end = 4;
  let first = 0;
  for (const [g, group] of metadata.row_groups.entries()) {
    const place = { first, rows: Number(group.num_rows) };
    const chunks = group.columns.map((column) => column.meta_data!);
    assert.equal(chunks.length, leaves.length, `${name}, group ${g}: chunks`);
    assert.equal(Number(group.file_offset), end, `${name}, group ${g}: offset`);
    for (const [c, meta] of chunks.entries()) {
      const at = `${name}, group ${g}, ${leaves[c]!.name}`;
      end = checkPages(view, meta, place.rows, end, at);
      const statistics: StatisticsFields | undefined = raw.field_4[g].field_1[c].field_3.field_12;
      const values = await physicalValues(file, metadata, leaves[c]!, place);
      checkStatistics(values, statistics, leaves[c]!, at);
    }
    checkSums(group, chunks, `${name}, group ${g}`);
    for (const { column_idx: c } of group.sorting_columns ?? []) {
      const ids = await physicalValues(file, metadata, leaves[c]!, place);
      const order = orderOf(leaves[c]!)!;
      for (let i = 1; i < ids.length; i++) assert.ok(order(ids[i - 1]!, ids[i]!) <= 0, `${name}, group ${g}: sorted`);
    }
    first += place.rows;
  }
  assert.equal(end, file.length - 8 - metadata.metadata_length, `${name}: bytes between chunks and footer`);
}

function checkSums(group: FileMetaData['row_groups'][number], chunks: readonly Meta[], at: string): void {
  const sum = (of: (meta: Meta) => bigint) => chunks.reduce((total, meta) => total + BigInt(of(meta)), 0n);
  assert.equal(
    BigInt(group.total_byte_size),
    sum((meta) => meta.total_uncompressed_size),
    `${at}: decoded size`,
  );
  assert.equal(
    BigInt(group.total_compressed_size!),
    sum((meta) => meta.total_compressed_size),
    `${at}: size`,
  );
}

const pageNames = ['DATA_PAGE', 'INDEX_PAGE', 'DICTIONARY_PAGE', 'DATA_PAGE_V2'];
const encodingNames = [
  'PLAIN',
  'GROUP_VAR_INT',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
];

/** Walks the page headers of a chunk that begins at byte `start`; returns the byte behind it. */
function checkPages(view: DataView, meta: Meta, rows: number, start: number, at: string): number {
  const { dictionary_page_offset: dictionary, data_page_offset: data } = meta;
  assert.equal(Number(dictionary ?? data), start, `${at}: offset`);
  const end = start + Number(meta.total_compressed_size);
  const reader = { view, offset: start };
  let uncompressed = 0;
  let values = 0;
  const counts = new Map<string, number>();
  while (reader.offset < end) {
    const header = reader.offset;
    const page = deserializeTCompactProtocol(reader);
    const kind = pageNames[page.field_1]!;
    const detail = { DATA_PAGE: page.field_5, DICTIONARY_PAGE: page.field_7, DATA_PAGE_V2: page.field_8 }[kind]!;
    const encoding = encodingNames[kind === 'DATA_PAGE_V2' ? detail.field_4 : detail.field_2]!;
    if (kind === 'DICTIONARY_PAGE') assert.equal(Number(dictionary), header, `${at}: offset of the dictionary page`);
    else {
      if (values === 0) assert.equal(Number(data), header, `${at}: offset of the data pages`);
      values += detail.field_1;
      // DuckDB does not count the dictionary page's.
      assert.ok((meta.encodings as string[]).includes(encoding), `${at}: ${encoding} is among the encodings`);
    }
    counts.set(`${kind} ${encoding}`, (counts.get(`${kind} ${encoding}`) ?? 0) + 1);
    uncompressed += reader.offset - header + page.field_2;
    reader.offset += page.field_3;
  }
  assert.equal(reader.offset, end, `${at}: size`);
  assert.equal(Number(meta.total_uncompressed_size), uncompressed, `${at}: decoded size`);
  assert.deepEqual([Number(meta.num_values), values], [rows, rows], `${at}: number of values`);
  if (meta.encoding_stats) {
    const stated = meta.encoding_stats.map(({ page_type: kind, encoding, count }) => [`${kind} ${encoding}`, count]);
    assert.deepEqual(new Map(stated as [string, number][]), counts, `${at}: pages by encoding`);
  }
  return end;
}

/** The values of one column in one row group that are not null, as the format stores them; `nulls` are the others. */
async function physicalValues(
  file: Uint8Array<ArrayBuffer>,
  metadata: FileMetaData,
  element: Element,
  { first, rows }: Group,
): Promise<(Physical | null)[]> {
  if (rows === 0) return [];
  const schema = metadata.schema.map(({ converted_type: _, logical_type: __, ...rest }) => rest);
  const out: (Physical | null)[] = [];
  await parquetRead({
    file: file.buffer,
    metadata: { ...metadata, schema },
    columns: [element.name],
    rowStart: first,
    rowEnd: first + rows,
    compressors,
    utf8: false,
    geoparquet: false,
    onChunk: ({ columnData, rowStart }) => {
      const values = columnData as ArrayLike<Physical | null | undefined>;
      for (let i = 0; i < values.length; i++) out[rowStart - first + i] = values[i] ?? null;
    },
  });
  assert.equal(out.length, rows, element.name);
  return out;
}

function checkStatistics(
  read: readonly (Physical | null)[],
  statistics: StatisticsFields | undefined,
  element: Element,
  at: string,
): void {
  if (!statistics) return;
  const values = read.filter((value) => value !== null);
  const {
    field_3: nulls,
    field_4: distinct,
    field_5: max,
    field_6: min,
    field_7: maxExact,
    field_8: minExact,
  } = statistics;
  assert.deepEqual([statistics.field_1, statistics.field_2], [undefined, undefined], `${at}: no bounds of old`);
  if (nulls !== undefined) assert.equal(Number(nulls), read.length - values.length, `${at}: null count`);
  if (distinct !== undefined) assert.equal(Number(distinct), new Set(values.map(textOf)).size, `${at}: distinct count`);
  const order = orderOf(element);
  if (!order) {
    assert.deepEqual([min, max], [undefined, undefined], `${at}: a type without an order has no bounds`);
    return;
  }
  // What is not a number is in no order.
  const ordered = values.filter((value) => !Number.isNaN(numberOf(value, element)));
  checkBound(min, minExact, ordered, element, (a, b) => order(a, b), `${at}: minimum`);
  checkBound(max, maxExact, ordered, element, (a, b) => order(b, a), `${at}: maximum`);
}

/** A bound comes first in the order; one that is said to be exact, or of a fixed width, is one of the values. */
function checkBound(
  stored: Uint8Array | undefined,
  exact: boolean | undefined,
  values: readonly Physical[],
  element: Element,
  order: (a: Physical, b: Physical) => number,
  at: string,
): void {
  if (stored === undefined) return;
  const bound = fromPlain(stored, element);
  let least: Physical | undefined;
  for (const value of values) if (least === undefined || order(value, least) < 0) least = value;
  if (least === undefined) assert.fail(`${at}: ${textOf(bound)} where there is no value`);
  const difference = order(bound, least);
  assert.ok(difference <= 0, `${at}: ${textOf(bound)} and a value of ${textOf(least)}`);
  if (exact ?? element.type !== 'BYTE_ARRAY') {
    assert.equal(difference, 0, `${at}: ${textOf(bound)} is not exactly ${textOf(least)}`);
  }
}

const textOf = (value: Physical) =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : Object.is(value, -0) ? '-0' : String(value);

/** A value from its PLAIN bytes. */
function fromPlain(stored: Uint8Array, { type }: Element): Physical {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  switch (type) {
    case 'BOOLEAN':
      return stored[0] === 1;
    case 'INT32':
      return view.getInt32(0, true);
    case 'INT64':
      return view.getBigInt64(0, true);
    case 'FLOAT':
      return view.getFloat32(0, true);
    case 'DOUBLE':
      return view.getFloat64(0, true);
    default:
      return stored;
  }
}

type Order = (a: Physical, b: Physical) => number;
const ascending = <T extends number | bigint | boolean>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);

/** The order that the specification defines for a type (LogicalTypes.md), or undefined. */
function orderOf(element: Element): Order | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  const kind = (logical as { type?: string } | undefined)?.type;
  if (type === 'INT96' || converted === 'INTERVAL' || kind === 'NULL' || kind === 'GEOMETRY' || kind === 'GEOGRAPHY') {
    return undefined;
  }
  const unsigned = converted?.startsWith('UINT') || (logical?.type === 'INTEGER' && !logical.isSigned);
  if (unsigned)
    return (a, b) => ascending(BigInt.asUintN(64, BigInt(a as number)), BigInt.asUintN(64, BigInt(b as number)));
  if (kind === 'FLOAT16') return (a, b) => ascending(numberOf(a, element), numberOf(b, element));
  if (type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY') {
    if (converted === 'DECIMAL' || kind === 'DECIMAL') return (a, b) => ascending(integerOf(a), integerOf(b));
    return (a, b) => Buffer.compare(a as Uint8Array, b as Uint8Array);
  }
  return (a, b) => ascending(a as number, b as number);
}

/** Two's complement, most significant byte first. */
function integerOf(value: Physical): bigint {
  const hex = Buffer.from(value as Uint8Array).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`));
}

/** A floating point value as a number; 0 for all others. */
function numberOf(value: Physical, { logical_type: logical }: Element): number {
  if (typeof value === 'number') return value;
  if ((logical as { type?: string } | undefined)?.type !== 'FLOAT16') return 0;
  const [low, high] = value as Uint8Array;
  const sign = high! & 0x80 ? -1 : 1;
  const exponent = (high! >> 2) & 31;
  const fraction = ((high! & 3) << 8) | low!;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
