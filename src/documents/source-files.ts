/**
 * The source files of a run, as the plan pins them: documents of a bounded number of files each, so that a run of a
 * hundred thousand files has no document that a worker could not hold, and a split reads only those of its own files.
 *
 * Two kinds, both named by a digest of the whole listing: `listing` has what the storage lists, where footers are read
 * by several activities; `files` has what the plan needs of the footers. Written by the plan, read by all phases that
 * name a source file. Neither ever changes.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { PinnedBlob } from '../source/source-file.ts';
import { parseJson, requireBytes, requireJson, writeJson } from '../storage/json.ts';
import { type Life, work } from '../storage/names.ts';
import type { BadFileReason } from './bad-files.ts';
import { columnTypeSchema } from './column-type.ts';
import { keep } from './document-cache.ts';
import { codecSchema } from './split-record.ts';

const count = z.int().nonnegative();
const compact = { compact: true } as const;
const pinnedSchema = z.object({ blob: z.string(), etag: z.string(), size: count });

/** Blob names that a document or an answer lists of those that a run skips. */
export const SKIPPED_NAMES_MAX = 5;

/** Blobs under a run's prefix that it does not read, because their names end otherwise. */
export const skippedSchema = z.object({ count, blobs: z.array(z.string()).max(SKIPPED_NAMES_MAX) });
export type Skipped = z.infer<typeof skippedSchema>;

/** Where a run's source files are listed. */
export const filesRefSchema = z.object({
  /** Files of the run. */
  count,
  /** Of all names, versions and sizes, in order. */
  digest: z.string().regex(/^[0-9a-f]{16}$/),
  /** Files of one document; the last has the rest. */
  each: z.int().positive(),
  /** What the listing passed over. */
  skipped: skippedSchema.exactOptional(),
});
export type FilesRef = z.infer<typeof filesRefSchema>;

/** A contract column in a file. */
const columnSchema = z.object({
  type: columnTypeSchema,
  optional: z.boolean(),
  /** Every row is known to be null, so that the type says nothing. */
  empty: z.literal(true).exactOptional(),
  /** The footer does not say whether any row holds a value. */
  unsure: z.literal(true).exactOptional(),
  /** The file lacks the column. */
  absent: z.literal(true).exactOptional(),
}) satisfies z.ZodType<{ type: ColumnType; optional: boolean; empty?: true; unsure?: true; absent?: true }>;
export type FileColumn = z.infer<typeof columnSchema>;

/** What the files of a run have in common: most have one and the same shape. */
const shapeSchema = z.object({
  /** In the order of the contract. */
  columns: z.array(columnSchema),
  /** Codec of the first contract column's first chunk; absent where the file has no rows. */
  codec: codecSchema.exactOptional(),
});
export type FileShape = z.infer<typeof shapeSchema>;

const fileSchema = pinnedSchema.extend({
  rows: count,
  /** Why the file is set aside; it has no rows then. */
  bad: z.object({ code: z.string(), reason: z.string() }).exactOptional(),
  /** Number of the file's shape in its document. */
  shape: count,
  /** Of each row group: rows, and the bytes of the used columns when decoded. */
  groups: z.array(z.tuple([count, count])),
});

export const listingSchema = z.object({ version: z.literal(1), blobs: z.array(pinnedSchema) });
export const filesSchema = z.object({
  version: z.literal(1),
  shapes: z.array(shapeSchema),
  files: z.array(fileSchema),
});

/** A source file as the plan needs it. Files of one shape share it in memory. */
export interface SourceFile extends PinnedBlob {
  rows: number;
  /** Why the file is set aside; it has no rows then. */
  bad?: BadFileReason;
  shape: FileShape;
  groups: [rows: number, bytes: number][];
}

/** A source file as later phases need it. */
export type PlannedFile = Pick<SourceFile, 'blob' | 'etag' | 'size' | 'rows'>;

/** The digest that names the documents of these blobs. */
export function digestOf(blobs: readonly PinnedBlob[]): string {
  const hash = createHash('sha256');
  for (const { blob, etag, size } of blobs) hash.update(`${JSON.stringify([blob, etag, size])}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** Documents that the files are in. */
export function documentsOf({ count: files, each }: FilesRef): number {
  return Math.ceil(files / each);
}

export async function writeListing(
  { store, config }: Environment,
  of: Life,
  { digest, each }: FilesRef,
  blobs: readonly PinnedBlob[],
  part: number,
): Promise<void> {
  const own = blobs.slice(part * each, (part + 1) * each);
  await writeJson(store, config.workContainer, work.listing(of, digest, part), { version: 1, blobs: own }, compact);
}

export async function readListing(
  { store, config }: Environment,
  of: Life,
  { digest }: FilesRef,
  part: number,
): Promise<PinnedBlob[]> {
  return (await requireJson(store, config.workContainer, work.listing(of, digest, part), listingSchema)).blobs;
}

export async function writeFiles(
  environment: Environment,
  of: Life,
  { digest }: FilesRef,
  files: readonly SourceFile[],
  part: number,
  metadata: Record<string, string> = {},
): Promise<void> {
  const { store, config } = environment;
  const shapes = [...new Set(files.map(({ shape }) => shape))];
  const numbers = new Map(shapes.map((shape, s) => [shape, s]));
  const document = { version: 1, shapes, files: files.map((file) => ({ ...file, shape: numbers.get(file.shape)! })) };
  const { bytes } = await writeJson(store, config.workContainer, work.files(of, digest, part), document, {
    ...compact,
    metadata,
  });
  await keepFiles(environment, work.files(of, digest, part), async () => ({ files, bytes }));
}

/** Keeps what later phases need of a document's files. */
function keepFiles(
  environment: Environment,
  name: string,
  load: () => Promise<{ files: readonly PlannedFile[]; bytes: number }>,
): Promise<PlannedFile[]> {
  return keep(environment, JSON.stringify([name, 'files']), async () => {
    const { files, bytes } = await load();
    return { value: files.map(({ blob, etag, size, rows }): PlannedFile => ({ blob, etag, size, rows })), bytes };
  });
}

/** One document's files with all that the plan needs. */
export async function readFiles(
  environment: Environment,
  of: Life,
  { digest }: FilesRef,
  part: number,
): Promise<SourceFile[]> {
  const name = work.files(of, digest, part);
  const { files, bytes } = await readDocument(environment, name);
  await keepFiles(environment, name, async () => ({ files, bytes }));
  return files;
}

async function readDocument(
  { store, config }: Environment,
  name: string,
): Promise<{ files: SourceFile[]; bytes: number }> {
  const bytes = await requireBytes(store, config.workContainer, name);
  const { files, shapes } = parseJson(bytes, config.workContainer, name, filesSchema);
  return { files: files.map((file) => ({ ...file, shape: shapes[file.shape]! })), bytes: bytes.byteLength };
}

/** Files [from, to) of a run. A process reads each document once while it has room for it. */
export async function loadFiles(
  environment: Environment,
  of: Life,
  { count: files, digest, each }: FilesRef,
  from: number,
  to: number,
): Promise<PlannedFile[]> {
  const found: PlannedFile[] = [];
  for (let part = Math.floor(from / each); part * each < Math.min(to, files); part++) {
    const name = work.files(of, digest, part);
    const own = await keepFiles(environment, name, () => readDocument(environment, name));
    found.push(...own.slice(Math.max(0, from - part * each), to - part * each));
  }
  return found;
}
