/**
 * The vocabulary of `src/parquet`: what a footer says, and values as the format stores them. Values stay physical
 * (INT64 as 64-bit integers, strings as UTF-8 bytes), so nothing is lost on the way through; `logical.ts` alone
 * turns them into JavaScript values and back.
 *
 * Specification: apache/parquet-format, `parquet.thrift`, `Encodings.md`, `LogicalTypes.md`.
 */

/** How values are stored. */
export type PhysicalType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'FIXED_LEN_BYTE_ARRAY';

/** Unit of a time or a timestamp. */
export type TimeUnit = 'MILLIS' | 'MICROS' | 'NANOS';

/** One meaning for both the `ConvertedType` and the `LogicalType` of the specification. */
export type Annotation =
  | { kind: 'string' | 'enum' | 'json' | 'bson' | 'uuid' | 'float16' | 'date' | 'interval' | 'unknown' }
  /** A logical type that is passed on without being understood: its number in the union, and its struct, in hex. */
  | { kind: 'other'; logicalType: number; struct: string }
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'time' | 'timestamp'; unit: TimeUnit; utc: boolean }
  | { kind: 'int'; bitWidth: 8 | 16 | 32 | 64; signed: boolean };

/** The type of a column without its name and repetition. */
export interface ColumnType {
  physical: PhysicalType;
  /** Bytes; FIXED_LEN_BYTE_ARRAY only. */
  typeLength?: number;
  annotation?: Annotation;
}

/** A column of a file's schema. */
export interface Leaf {
  /** Dotted path for nested leaves; the column's name for flat ones. */
  name: string;
  /** Position among a row group's column chunks. */
  ordinal: number;
  type: ColumnType;
  /** Whether it may be null: it is OPTIONAL, or a group that it is in. */
  optional: boolean;
  /** True for anything repeated; such leaves can be skipped, never used. */
  nested: boolean;
  /** The file lacks the column: its chunks are nulls that stand for it. */
  absent?: true;
  /** Of a leaf in groups: the groups from the root on, and the leaf itself. Absent for a column of the root. */
  path?: readonly PathElement[];
}

/** A group, or a leaf in it. */
export interface PathElement {
  name: string;
  /** OPTIONAL rather than REQUIRED: each such element has a definition level of its own. */
  optional: boolean;
}

/** Compression of pages. */
export type Codec = 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP' | 'LZO' | 'BROTLI' | 'LZ4' | 'ZSTD' | 'LZ4_RAW';

/** How the values of a page are written. */
export type Encoding =
  | 'PLAIN'
  | 'PLAIN_DICTIONARY'
  | 'RLE'
  | 'BIT_PACKED'
  | 'DELTA_BINARY_PACKED'
  | 'DELTA_LENGTH_BYTE_ARRAY'
  | 'DELTA_BYTE_ARRAY'
  | 'RLE_DICTIONARY'
  | 'BYTE_STREAM_SPLIT';

/** `Statistics` of parquet.thrift with bounds as PLAIN bytes, exactly as stored: copied without loss. */
export interface RawStatistics {
  nullCount?: number;
  distinctCount?: number;
  minValue?: Uint8Array;
  maxValue?: Uint8Array;
  minExact?: boolean;
  maxExact?: boolean;
}

/** `PageEncodingStats`: how many pages of a kind a chunk has in an encoding. */
export interface PageEncodingCount {
  page: 'dictionary' | 'v1' | 'v2';
  encoding: Encoding;
  count: number;
}

/** One column chunk as the footer describes it. Offsets are bytes from the start of the file. */
export interface ChunkMeta {
  codec: Codec;
  encodings: Encoding[];
  /** Values including nulls; equals the row group's rows for flat columns. */
  numValues: number;
  /** First byte of the chunk: the dictionary page if there is one, else the first data page. */
  start: number;
  /** `total_compressed_size`: bytes from `start`. */
  length: number;
  uncompressedLength: number;
  /** Undefined when absent, as Polars writes it although a dictionary page exists. */
  dictionaryPageOffset?: number;
  dataPageOffset: number;
  statistics?: RawStatistics;
  /** Absent when the writer did not say. */
  pageEncodings?: PageEncodingCount[];
  /** Why the chunk cannot be used (an unknown codec or encoding); it can still be skipped. */
  unsupported?: string;
  /** The chunk itself, where the file does not hold it: `start` means nothing then. */
  bytes?: Uint8Array;
}

/** A row group as the footer describes it. */
export interface RowGroupMeta {
  rows: number;
  /** By leaf ordinal. */
  chunks: ChunkMeta[];
}

/** A file as its footer describes it, checked. */
export interface FileMeta {
  rows: number;
  leaves: Leaf[];
  rowGroups: RowGroupMeta[];
  createdBy?: string;
  keyValues: Record<string, string>;
}

/**
 * Values of one physical type. `bytes` is an arena: value i is `data[offsets[i], offsets[i+1])`. `fixed` is an arena
 * of equal widths (FIXED_LEN_BYTE_ARRAY; INT96 has width 12). Booleans take a byte each.
 */
export type Values =
  | { kind: 'boolean'; length: number; data: Uint8Array }
  | { kind: 'int32'; length: number; data: Int32Array }
  | { kind: 'int64'; length: number; data: BigInt64Array }
  | { kind: 'float'; length: number; data: Float32Array }
  | { kind: 'double'; length: number; data: Float64Array }
  | { kind: 'bytes'; length: number; data: Uint8Array; offsets: Uint32Array }
  | { kind: 'fixed'; length: number; data: Uint8Array; width: number };

/**
 * A decoded column chunk of a flat column; everything is aligned to rows.
 * - `dictionary`: row r holds `dictionary[indices[r]]`, or null when `indices[r]` is -1. Entries may be unused.
 * - `plain`: row r holds `values[r]`; null when `valid` is present and `valid[r]` is 0 (the slot is then zero/empty).
 */
export type Column =
  | { form: 'dictionary'; rows: number; nulls: number; dictionary: Values; indices: Int32Array }
  | { form: 'plain'; rows: number; nulls: number; values: Values; valid: Uint8Array | undefined };

/** Bytes of a written column chunk, to be placed one after the other, and what the footer says of them. */
export interface EncodedChunk {
  parts: Uint8Array[];
  meta: EncodedChunkMeta;
}

/** A `ChunkMeta` whose offsets are relative to the chunk's first byte. */
export interface EncodedChunkMeta {
  codec: Codec;
  encodings: Encoding[];
  numValues: number;
  length: number;
  uncompressedLength: number;
  dictionaryPageOffset?: number;
  dataPageOffset: number;
  statistics?: RawStatistics;
  pageEncodings?: PageEncodingCount[];
}
