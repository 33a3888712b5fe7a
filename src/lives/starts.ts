/**
 * Starts: for each claimed life an empty blob whose name begins with the inverted time of the claim, so that a listing
 * has the newest life first. Its metadata says what a list of runs shows. Who begins a life writes it, the run that
 * publishes adds how it ended, and lists read it. It decides nothing: a life without one is only missing in lists.
 */
import { z } from 'zod';
import { type StartedBy, startedBySchema } from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { fromMetadata, toMetadata } from '../storage/metadata.ts';
import { type Life, startOfName, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { inPlaceOf, unlessConflict } from '../storage/write-once.ts';
import { type Claim, readClaim } from './claims.ts';

const count = z.coerce.number().int().nonnegative();

const metadataSchema = z.object({
  pipeline: z.string(),
  by: startedBySchema.shape.by.optional(),
  who: z.string().transform(fromMetadata).optional(),
  dryrun: z.literal('true').optional(),
  /** Of a life that has published. */
  startedat: z.iso.datetime().optional(),
  finishedat: z.iso.datetime().optional(),
  rows: count.optional(),
  ids: count.optional(),
  /** Of a life that has published and was withdrawn. */
  withdrawn: z.iso.datetime().optional(),
  withdrawnby: z.string().transform(fromMetadata).optional(),
});

/** How a life that has published ended. */
export interface PublishedEnd {
  startedAt: string;
  finishedAt: string;
  /** Source rows. */
  rows: number;
  /** IDs that it gave. */
  ids: number;
}

/** A claimed life as a list knows it. */
export interface Start extends Life {
  /** Time of the claim, in milliseconds since 1970. */
  at: number;
  pipeline: string;
  startedBy?: StartedBy;
  dryRun?: true;
  published?: PublishedEnd;
  /** When and by whom it was withdrawn. */
  withdrawn?: { at: string; by?: string };
}

/** Writes a claim's start, unless it is there. */
export async function putStart({ store, config }: Environment, claim: Claim): Promise<void> {
  const { startedBy, dryRun, pipeline } = claim.input;
  const metadata = {
    pipeline,
    ...(startedBy && { by: startedBy.by, ...(startedBy.who !== undefined && { who: toMetadata(startedBy.who) }) }),
    ...(dryRun && { dryrun: 'true' }),
  };
  const name = work.start(claim, Date.parse(claim.claimedAt));
  await unlessConflict(store.write(config.workContainer, name, new Uint8Array(0), { ifAbsent: true, metadata }));
}

/** Adds to a life's start that it has published, so that lists need not ask for it. A start that is gone stays gone. */
export async function noteEnd(
  { store, config }: Environment,
  of: Life,
  claimedAt: string,
  { startedAt, finishedAt, rows, ids }: PublishedEnd,
): Promise<void> {
  const name = work.start(of, Date.parse(claimedAt));
  const there = await store.head(config.workContainer, name);
  if (!there) return;
  const end = { startedat: startedAt, finishedat: finishedAt, rows: String(rows), ids: String(ids) };
  const options = { ...inPlaceOf(there), metadata: { ...there.metadata, ...end } };
  await unlessConflict(store.write(config.workContainer, name, new Uint8Array(0), options));
}

/** Adds to a life's start that what it had published is withdrawn. A start or a claim that is gone stays gone. */
export async function noteWithdrawn(
  environment: Environment,
  of: Life,
  { at, by }: { at: string; by?: string },
): Promise<void> {
  const { store, config } = environment;
  const claim = await readClaim(environment, of);
  if (!claim) return;
  const name = work.start(of, Date.parse(claim.claimedAt));
  const there = await store.head(config.workContainer, name);
  if (!there) return;
  const said = { withdrawn: at, ...(by !== undefined && { withdrawnby: toMetadata(by) }) };
  const options = { ...inPlaceOf(there), metadata: { ...there.metadata, ...said } };
  // Whoever was faster is the same withdrawal.
  await unlessConflict(store.write(config.workContainer, name, new Uint8Array(0), options));
}

/** What a listed start says; undefined for a blob that is none. */
export function readStart({ name, metadata }: Pick<BlobItem, 'name' | 'metadata'>): Start | undefined {
  const of = startOfName(name);
  const said = metadataSchema.safeParse(metadata).data;
  if (!of || !said) return undefined;
  const { pipeline, by, who, dryrun, startedat, finishedat, rows = 0, ids = 0, withdrawn, withdrawnby } = said;
  return {
    ...of,
    pipeline,
    ...(by && { startedBy: { by, ...(who !== undefined && { who }) } }),
    ...(dryrun && { dryRun: true as const }),
    ...(startedat !== undefined &&
      finishedat !== undefined && { published: { startedAt: startedat, finishedAt: finishedat, rows, ids } }),
    ...(withdrawn !== undefined && {
      withdrawn: { at: withdrawn, ...(withdrawnby !== undefined && { by: withdrawnby }) },
    }),
  };
}
