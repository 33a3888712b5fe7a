/**
 * Reading a footer: from the last bytes of a file to a checked `FileMeta`. Nothing is trusted: every offset lies in the
 * file, sizes are not negative, counts agree, and what a chunk cannot be used for is said at the chunk. `src/source`
 * calls it for each blob.
 *
 * Specification: parquet-format `parquet.thrift` (FileMetaData), "File format" of README.md, `Encryption.md`.
 */
import { type ErrorLocation, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { codecs, encodings, MAGIC, physicalTypes } from './constants.ts';
import { corrupt, truncated, unsupported } from './fail.ts';
import { parseSchema } from './schema.ts';
import { parseStatistics } from './statistics-raw.ts';
import { readThrift, ThriftError, type ThriftStruct } from './thrift-read.ts';
import type { ChunkMeta, Encoding, FileMeta, Leaf, PageEncodingCount, RowGroupMeta } from './types.ts';

/** Bytes behind the footer: its length and the magic. */
const trailerBytes = 8;

/**
 * Finds out how long a footer is. The whole tail to fetch is 8 bytes more.
 * @param last8 the last eight bytes of the file
 * @param fileSize bytes of the file
 * @param blob name of the file, for errors
 * @returns bytes of the footer's thrift structure
 * @throws `NotParquet` when the file does not end as Parquet does
 * @throws `UnsupportedFile` when the footer is encrypted
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function footerLength(last8: Uint8Array, fileSize: number, blob: string): number {
  const where = { blob };
  if (fileSize < trailerBytes + MAGIC.length || last8.length < trailerBytes)
    throw new OrdinalError('NotParquet', `A file of ${fileSize} bytes is too short to be Parquet.`, {
      where,
      remedy:
        fileSize === 0
          ? 'Upload it again, or delete it: an empty blob is mostly an upload that was broken off, or stands for a folder.'
          : 'Check that it is a Parquet file and was uploaded whole.',
    });
  const trailer = last8.subarray(last8.length - trailerBytes);
  const magic = String.fromCharCode(...trailer.subarray(4));
  if (magic === 'PARE') unsupported('The file has an encrypted footer.', where);
  if (magic !== 'PAR1') {
    throw new OrdinalError('NotParquet', 'The file does not end with the Parquet magic PAR1.', {
      where,
      remedy: 'Check that it is a Parquet file and was uploaded whole.',
    });
  }
  const length = new DataView(trailer.buffer, trailer.byteOffset, 4).getUint32(0, true);
  if (length > fileSize - trailerBytes - MAGIC.length)
    truncated(`its footer is ${length} bytes long, the file ${fileSize}`, where);
  if (length > limits.footerBytesMax) {
    const message = `The footer is ${length} bytes long; the limit is ${limits.footerBytesMax}.`;
    throw new OrdinalError('LimitExceeded', message, { where });
  }
  return length;
}

/**
 * Parses a footer.
 * @param tail the last bytes of the file: footer, its length and the magic, at least
 * @param fileSize bytes of the file
 * @param blob name of the file, for errors
 * @returns what the footer says, checked
 * @throws `NotParquet` when the file does not end as Parquet does
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 * @throws `CorruptFile` when the bytes are not what the format says
 */
export function parseFooter(tail: Uint8Array, fileSize: number, blob: string): FileMeta {
  const where = { blob };
  const length = footerLength(tail, fileSize, blob);
  const end = tail.length - trailerBytes;
  if (length > end) truncated(`the footer needs ${length} bytes, ${end} are there`, where);
  try {
    const { value } = readThrift(tail, end - length, end);
    return parseFile(value, fileSize - trailerBytes - length, where);
  } catch (error) {
    if (error instanceof ThriftError) corrupt(`its footer cannot be read (${error.message})`, where, error);
    throw error;
  }
}

function parseFile(file: ThriftStruct, dataEnd: number, where: ErrorLocation): FileMeta {
  if (file.struct(8)) unsupported('The file is encrypted.', where);
  const leaves = parseSchema(file.structs(2) ?? [], where);
  if (leaves.length > limits.columnsMax) {
    const message = `The file has ${leaves.length} columns; the limit is ${limits.columnsMax}.`;
    throw new OrdinalError('LimitExceeded', message, { where });
  }
  const orders = file.structs(7);
  const rowGroups = (file.structs(4) ?? []).map((group, i) =>
    parseRowGroup(group, leaves, orders, dataEnd, { ...where, rowGroup: i }),
  );
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  // An early writer in Rust states 0 always; any other number means that a row group is missing, or one too many.
  if (file.int(3) !== rows && file.int(3) !== 0)
    corrupt(`it declares ${file.int(3)} rows, its row groups have ${rows}`, where);
  const keyValues: Record<string, string> = Object.create(null);
  for (const pair of file.structs(5) ?? []) keyValues[pair.text(1) ?? ''] = pair.text(2) ?? '';
  const createdBy = file.text(6);
  return { rows, leaves, rowGroups, keyValues: { ...keyValues }, ...(createdBy !== undefined && { createdBy }) };
}

function parseRowGroup(
  group: ThriftStruct,
  leaves: Leaf[],
  orders: ThriftStruct[] | undefined,
  dataEnd: number,
  where: ErrorLocation,
): RowGroupMeta {
  const rows = group.int(3) ?? -1;
  if (rows < 0) corrupt('a row group without a row count', where);
  if (rows > limits.rowGroupRowsMax) {
    const message = `A row group has ${rows} rows; the limit is ${limits.rowGroupRowsMax}.`;
    throw new OrdinalError('LimitExceeded', message, { where, remedy: 'Write the file with smaller row groups.' });
  }
  const columns = group.structs(1) ?? [];
  if (columns.length !== leaves.length)
    corrupt(`a row group has ${columns.length} column chunks, the schema ${leaves.length} columns`, where);
  const chunks = columns.map((column, i) => {
    const leaf = leaves[i]!;
    const order = orders?.[i]?.union();
    return parseChunk(column, leaf, rows, order, dataEnd, { ...where, column: leaf.name });
  });
  return { rows, chunks };
}

function parseChunk(
  column: ThriftStruct,
  leaf: Leaf,
  rows: number,
  order: number | undefined,
  dataEnd: number,
  where: ErrorLocation,
): ChunkMeta {
  if (column.struct(8) || column.bytes(9)) unsupported('The column is encrypted.', where);
  if (column.bytes(1)?.length) unsupported('The column is stored in another file.', where);
  const meta = column.struct(3);
  if (!meta) corrupt('a column chunk without metadata', where);
  if (physicalTypes[meta.int(1) ?? -1] !== leaf.type.physical)
    corrupt('a chunk of another type than its column', where);

  const numValues = meta.int(5) ?? -1;
  const length = meta.int(7) ?? -1;
  const uncompressedLength = meta.int(6) ?? -1;
  const dataPageOffset = meta.int(9) ?? -1;
  if (numValues < 0 || length < 0 || uncompressedLength < 0) corrupt('a chunk of negative size', where);
  if (!leaf.nested && numValues !== rows) corrupt(`a chunk of ${numValues} values in a group of ${rows} rows`, where);
  // Some writers leave 0, or the data page's own offset, where there is no dictionary.
  const declared = meta.int(11);
  const dictionary = declared !== undefined && declared >= MAGIC.length && declared < dataPageOffset;
  const start = dictionary ? declared : dataPageOffset;
  // Nothing is read of a chunk without values, and its offsets may mean nothing.
  const empty = numValues === 0;
  if (!empty) {
    if (start < MAGIC.length) corrupt(`a chunk that begins at byte ${start}`, where);
    if (start + length > dataEnd) truncated(`a chunk ends at byte ${start + length}, the data at ${dataEnd}`, where);
    if (dataPageOffset >= start + length) corrupt('a chunk whose data pages begin behind its end', where);
  }
  const unknown = unknownParts(meta);
  const statistics = parseStatistics(meta.struct(12), leaf.type, order);
  const pageEncodings = parsePageEncodings(meta.structs(13));
  return {
    codec: codecs[meta.int(4) ?? -1] ?? 'UNCOMPRESSED',
    encodings: (meta.ints(2) ?? []).map((e) => encodings[e]).filter((e): e is Encoding => e !== undefined),
    numValues,
    start: empty ? 0 : start,
    length: empty ? 0 : length,
    uncompressedLength: empty ? 0 : uncompressedLength,
    dataPageOffset: empty ? 0 : dataPageOffset,
    ...(dictionary && !empty && { dictionaryPageOffset: declared }),
    ...(statistics && { statistics }),
    ...(pageEncodings && { pageEncodings }),
    ...(unknown && { unsupported: unknown }),
  };
}

function unknownParts(meta: ThriftStruct): string | undefined {
  const codec = meta.int(4) ?? -1;
  if (!codecs[codec]) return `compression codec ${codec} is not known`;
  if (codecs[codec] === 'LZO') return 'compression codec LZO is not supported';
  const encoding = (meta.ints(2) ?? []).find((e) => !encodings[e]);
  return encoding === undefined ? undefined : `encoding ${encoding} is not known`;
}

function parsePageEncodings(stats: ThriftStruct[] | undefined): PageEncodingCount[] | undefined {
  if (!stats) return undefined;
  const pages = ['v1', undefined, 'dictionary', 'v2'] as const;
  const out: PageEncodingCount[] = [];
  for (const stat of stats) {
    const page = pages[stat.int(1) ?? -1];
    const encoding = encodings[stat.int(2) ?? -1];
    const count = stat.int(3);
    if (!page || !encoding || count === undefined || count < 0) return undefined;
    out.push({ page, encoding, count });
  }
  return out;
}
