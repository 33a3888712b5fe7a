/**
 * Checkpoints of a Delta log: the state of a table as one Parquet file, so that a reader need not read every commit. Ours
 * are written by our own writer. Those of others are read by hyparquet, for they may have any schema.
 *
 * Specification: Delta `PROTOCOL.md`, "Checkpoints", "Checkpoint Schema", "Last Checkpoint File".
 */
import zlib from 'node:zlib';
import { OrdinalError } from '../errors.ts';
import { type RecordShape, writeRecords } from '../parquet/records.ts';
import type { TableState } from './delta-actions.ts';

const shape: RecordShape = {
  txn: { appId: 'text', version: 'long', lastUpdated: 'long' },
  add: {
    path: 'text',
    partitionValues: 'text map',
    size: 'long',
    modificationTime: 'long',
    dataChange: 'boolean',
    stats: 'text',
    tags: 'text map',
  },
  remove: { path: 'text', deletionTimestamp: 'long', dataChange: 'boolean' },
  metaData: {
    id: 'text',
    name: 'text',
    description: 'text',
    format: { provider: 'text', options: 'text map' },
    schemaString: 'text',
    partitionColumns: 'texts',
    configuration: 'text map',
    createdTime: 'long',
  },
  protocol: {
    minReaderVersion: 'int',
    minWriterVersion: 'int',
    readerFeatures: 'texts',
    writerFeatures: 'texts',
  },
};

/** Days for which a removed file is remembered, so that VACUUM knows since when nobody needs it. */
const TOMBSTONE_DAYS = 7;

/** The state as a checkpoint, and the number of its actions. */
export function writeCheckpoint(state: TableState, now: number): { bytes: Uint8Array; size: number } {
  const { protocol, metaData, transactions, files, removed } = state;
  const until = now - TOMBSTONE_DAYS * 86_400_000;
  const records: Record<string, unknown>[] = [
    { protocol },
    {
      metaData: {
        ...metaData,
        format: { options: {}, ...metaData!.format },
        configuration: metaData!.configuration ?? {},
      },
    },
    ...[...transactions].map(([appId, version]) => ({ txn: { appId, version } })),
    ...[...removed.values()]
      .filter(({ deletionTimestamp }) => (deletionTimestamp ?? 0) > until)
      .map(({ path, deletionTimestamp }) => ({ remove: { path, deletionTimestamp, dataChange: false } })),
    ...[...files.values()].map((add) => ({
      add: { ...add, partitionValues: add.partitionValues ?? {}, dataChange: false },
    })),
  ];
  return { bytes: writeRecords(shape, records), size: records.length };
}

/** What hyparquet does not decompress itself. */
const compressors = {
  ZSTD: (input: Uint8Array) => zlib.zstdDecompressSync(input),
  GZIP: (input: Uint8Array) => zlib.gunzipSync(input),
  BROTLI: (input: Uint8Array) => zlib.brotliDecompressSync(input),
};

/**
 * The actions of a checkpoint file.
 *
 * @throws OrdinalError `CorruptFile` when it cannot be read.
 */
export async function readCheckpoint(bytes: Uint8Array, blob: string): Promise<unknown[]> {
  // A table without a checkpoint, as most are, does not need it.
  const { parquetReadObjects } = await import('hyparquet');
  try {
    const file = bytes.slice().buffer;
    const rows = await parquetReadObjects({ file, compressors });
    return rows.map((row) => numbered(row));
  } catch (cause) {
    throw new OrdinalError('CorruptFile', `"${blob}" is not the checkpoint that it should be`, {
      where: { blob },
      remedy: 'Remove the checkpoint and `_last_checkpoint` beside it, if all commits are there; or repair the log.',
      cause,
    });
  }
}

/** Every bigint as a number: sizes, times and versions are. */
function numbered(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(numbered);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, numbered(one)]));
}
