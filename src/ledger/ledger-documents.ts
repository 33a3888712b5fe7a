/**
 * The documents of a pipeline's ledger: which versions of source blobs its runs have read, and which are claimed. The
 * head lists sorted segments, as a key index's head does. `ledger.ts` reads and writes it. Names of segments must follow
 * from what is in them, so that two writers of one name write the same bytes.
 */
import { z } from 'zod';
import { entrySchema, placeSchema } from '../keys/index-documents.ts';
import { limits } from '../limits.ts';
import { lifeId } from '../storage/names.ts';

const count = z.int().nonnegative();

/** What was left out of a source, in blobs. */
export const leftOutSchema = z.object({
  /** Published runs have read them. */
  read: count,
  /** Runs that are under way have claimed them, and read them. */
  pending: count,
});
export type LeftOut = z.infer<typeof leftOutSchema>;

/** Versions that a life has taken and not published yet. They are read once its manifest is there. */
const claimSchema = z.object({
  runId: z.string(),
  life: count,
  manifest: z.object({ container: z.string(), name: z.string() }),
  /** The claimed versions. */
  delta: placeSchema,
  /** Their hashes, where they are few, so that another run need not read the segment to see that it has none of them. */
  hashes: z.array(count).max(limits.ledgerHashesMax).exactOptional(),
  /** What the life left out of its source. */
  leftOut: leftOutSchema,
});
/** What a life has taken. */
export type VersionClaim = z.infer<typeof claimSchema>;

/** The head of a pipeline's ledger. */
export const ledgerSchema = z.object({
  version: z.literal(1),
  pipeline: z.string(),
  /** Counts what was added: names of merged segments have it. */
  number: count,
  /** Segments of versions that published runs have read, oldest first. */
  entries: z.array(entrySchema),
  claims: z.array(claimSchema).max(limits.ledgerClaimsMax),
});
/** What the ledger of a pipeline says now. */
export type LedgerHead = z.infer<typeof ledgerSchema>;

/** The head of a pipeline that has read nothing. */
export function emptyLedger(pipeline: string): LedgerHead {
  return { version: 1, pipeline, number: 0, entries: [], claims: [] };
}

/** Names of a ledger's blobs in the work container. */
export const ledgerBlobs = {
  head: (pipeline: string) => `ledger/${pipeline}/head.json`,
  /** All segments that one life has claimed or tried to. */
  claims: (pipeline: string, of: { runId: string; life: number }) => `ledger/${pipeline}/claims/${lifeId(of)}/`,
  /** What one life has claimed; the digest is of the versions. */
  claim: (pipeline: string, of: { runId: string; life: number }, digest: string) =>
    `${ledgerBlobs.claims(pipeline, of)}${digest}.keys`,
  /** Several segments as one; the digest is of their names, or of the versions. */
  merged: (pipeline: string, number: number, digest: string) => `ledger/${pipeline}/merged-${number}-${digest}.keys`,
};
