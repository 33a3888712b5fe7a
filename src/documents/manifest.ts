/**
 * The manifest of a run, as a zod schema: what the run read, which IDs it gave and what it wrote. The publish writes it, and
 * whoever asks what was published reads it. `manifest-state.ts` alone may change one that is there.
 */
import { z } from 'zod';
import { decimalSchema } from '../sequence/id-range.ts';
import { setAsideSchema } from './bad-files.ts';
import { idsSchema, outLeafSchema, pipelineIdentitySchema, rangesSchema, resolutionSchema } from './documents.ts';
import { skippedSchema } from './source-files.ts';

const count = z.int().nonnegative();

export const publishedFileSchema = z.object({
  blob: z.string(),
  rows: count,
  bytes: count,
  /**
   * CRC-32 of the whole file, eight hexadecimal digits. Empty for a file without rows, which is not written, and where it is
   * not known: the service has copied a part of the file.
   */
  crc32: z.string(),
  firstId: decimalSchema.nullable(),
  lastId: decimalSchema.nullable(),
});
export type PublishedFile = z.infer<typeof publishedFileSchema>;

/** What the publishing of a file leaves for the manifest. */
export const publishedDocumentSchema = z.object({ version: z.literal(1), file: publishedFileSchema });

export const withdrawnSchema = z.object({
  at: z.iso.datetime(),
  /** Who asked for it, as far as the caller said. */
  by: z.string().exactOptional(),
  reason: z.string().exactOptional(),
  filesUntil: z.iso.datetime(),
});

/** Further rows of keyed entities, beside those of new keys. They take no new IDs. */
const furtherFilesSchema = z.object({
  rows: count,
  bytes: count,
  files: z.array(publishedFileSchema),
  /** The columns of the files, as the run's plan has them. */
  columns: z.array(outLeafSchema).exactOptional(),
});

/** An entity of another pipeline that shares a key index, and where its datasets are. */
const sharerSchema = z.object({ pipeline: z.string(), entity: z.string(), container: z.string(), prefix: z.string() });

/**
 * The manifest: what a finished run read, which IDs it gave and what it wrote. It is written only when every file that
 * it names exists; a run without a manifest has published nothing. A run that died before it published gets a manifest
 * of outcome `abandoned`, which names no file. It stops late requests of that run from publishing.
 *
 * A run that was taken back has one of outcome `withdrawn`: it says what the run had read, given and written. Its IDs are
 * given to nobody else, and its files go after a while.
 *
 * It is the only blob name that several lives of a run write, each time with a condition: absent → published or
 * abandoned, if it is absent; abandoned by life N → published or abandoned by a later life, or published → withdrawn, if
 * it is still that version. Nothing else.
 */
export const manifestSchema = z.object({
  version: z.literal(1),
  outcome: z.enum(['published', 'abandoned', 'withdrawn']),
  runId: z.string(),
  /** The life that published, or the last life that may not publish any more. */
  life: count,
  pipeline: z.string(),
  pipelineHash: z.string(),
  /** Of a withdrawn run: when, by whom, why, and until when its files stay. ISO times. */
  withdrawn: withdrawnSchema.exactOptional(),
  /** What ties the pipeline to the IDs that it gave. A later version of the pipeline that contradicts it is refused. */
  identity: pipelineIdentitySchema,
  startedAt: z.string(),
  finishedAt: z.string(),
  /** When each phase began, in order. */
  phases: z.array(z.object({ phase: z.string(), at: z.string() })),
  /** `asked` is the SHA-256 of what the run was asked to do: its pipeline, which blobs, options; `claim` is what it had claimed. */
  source: z.object({
    container: z.string(),
    prefix: z.string(),
    rows: count,
    asked: z.string().exactOptional(),
    claim: z.string().exactOptional(),
    /** Blobs under the prefix that the run did not read: how many, and the first of them. */
    skipped: skippedSchema.exactOptional(),
  }),
  inputs: z.array(z.object({ blob: z.string(), etag: z.string(), size: count, rows: count })),
  /** Source files that were set aside: none of their rows counts, and they are no inputs. */
  setAside: z.array(setAsideSchema).exactOptional(),
  output: z.object({ container: z.string(), prefix: z.string(), table: z.enum(['delta']).exactOptional() }),
  entities: z.array(
    z.object({
      entity: z.string(),
      rows: count,
      bytes: count,
      firstId: decimalSchema.nullable(),
      lastId: decimalSchema.nullable(),
      files: z.array(publishedFileSchema),
      /** The columns of the files, as the run's plan has them. */
      columns: z.array(outLeafSchema).exactOptional(),
      /** The own IDs of the rows, in row order. */
      ids: rangesSchema.extend({ sequence: z.string() }),
      /**
       * Of a keyed entity: its key index, the entities of other pipelines that share it, and by partition what the run
       * found there and added.
       */
      keys: z
        .object({
          index: z.string(),
          sharedBy: z.array(sharerSchema).exactOptional(),
          partitions: z.array(resolutionSchema),
        })
        .nullable(),
      /**
       * For an entity that publishes all seen keys: the rows of known keys. `rows` and `files` are those of new keys.
       */
      known: furtherFilesSchema.exactOptional(),
      /** For an entity with attributes: the rows of the changes dataset, late descriptions among them. */
      changes: furtherFilesSchema.exactOptional(),
      /** For an entity with unknown members: their rows, where this run has published them. */
      unknown: furtherFilesSchema.exactOptional(),
    }),
  ),
  sequences: idsSchema.shape.sequences,
  /** Source rows that the contract refused, the number of lines that say why, and the blob that holds those lines. */
  rejected: z
    .object({
      rows: count,
      lines: count,
      blob: z.string(),
      /** Blob with the refused rows themselves, in the source's columns. */
      sourceRows: z.string().exactOptional(),
      /** Source columns that this blob does not have, and why; absent for none. */
      leftOut: z.array(z.object({ column: z.string(), why: z.string() })).exactOptional(),
    })
    .exactOptional(),
  /**
   * For a pipeline with rows entities, where the source rows went: `routed` went to at least one rows entity; `keysOnly`
   * went to none, and gave a key to a keyed entity; `unrouted` went nowhere; `repeated` counts each further rows entity
   * that took a row. So source rows = routed + keysOnly + unrouted + rejected, and the rows of all rows entities =
   * routed + repeated.
   */
  routing: z.object({ routed: count, keysOnly: count, unrouted: count, repeated: count }).exactOptional(),
});
export type Manifest = z.infer<typeof manifestSchema>;
