/**
 * Claims: the blob `lives/RUN/N.json` says that life N of a run was asked for, and with which input. A life exists as
 * soon as its claim is written (put if absent), whatever the durable client says about the start. Everyone who starts,
 * ends, settles or sweeps runs calls this file. The highest claim of a run must never be deleted, so that no number is
 * given twice.
 */

import { z } from 'zod';
import { runIdSchema, runInputSchema } from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { parseJson, readVersioned, writeJson } from '../storage/json.ts';
import { type Life, work } from '../storage/names.ts';
import { changedByOthers, inPlaceOf, unlessConflict } from '../storage/write-once.ts';

/**
 * `open`: the life was asked for. `ending`: its end was asked for. `over`: it is settled and holds nothing, but a late
 * request of it may still create a blob. `swept`: no late request is possible any more.
 */
export const claimStates = ['open', 'ending', 'over', 'swept'] as const;

export const claimSchema = z.object({
  version: z.literal(1),
  runId: runIdSchema,
  life: z.int().positive(),
  /** What the life does. It is the same for all lives of the run, except the deadline and the callback address. */
  input: runInputSchema,
  /** ISO time, by the clock of whoever claimed. Only waiting times depend on it, never a decision about IDs. */
  claimedAt: z.iso.datetime(),
  state: z.enum(claimStates),
  /** Why its end was asked for, and when (ISO time). */
  reason: z.string().exactOptional(),
  endingAt: z.iso.datetime().exactOptional(),
  /** ISO time at which it was settled, and of its last sweep. */
  overAt: z.iso.datetime().exactOptional(),
  sweptAt: z.iso.datetime().exactOptional(),
});
export type Claim = z.infer<typeof claimSchema>;

/** What a listing of claims shows about each claim, so that it need not be read. */
export const claimMetadataSchema = z.object({
  state: z.enum(claimStates),
  claimedat: z.iso.datetime(),
  sweptat: z.iso.datetime().exactOptional(),
});

/** Writes a claim that must not exist yet. False when another caller was faster. */
export async function putClaim(environment: Environment, claim: Claim): Promise<boolean> {
  const { store, config } = environment;
  await store.ensureContainer(config.workContainer);
  return (await unlessConflict(write(environment, claim, undefined))) !== undefined;
}

/** A life's claim; undefined when there is none (any more). */
export async function readClaim({ store, config }: Environment, of: Life): Promise<Claim | undefined> {
  return (await readVersioned(store, config.workContainer, work.claim(of), claimSchema))?.value;
}

/** Numbers of the lives that have a claim, ascending. */
export async function claimedLives({ store, config }: Environment, runId: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of store.list(config.workContainer, work.claims(runId))) {
    const life = Number(/\/(\d+)\.json$/.exec(name)?.[1]);
    if (Number.isSafeInteger(life)) found.push(life);
  }
  return found.sort((a, b) => a - b);
}

/** The claim of a run's newest life, which is the life that users see. Undefined for a run that was never started. */
export async function newestClaim(environment: Environment, runId: string): Promise<Claim | undefined> {
  const life = (await claimedLives(environment, runId)).at(-1);
  return life === undefined ? undefined : await readClaim(environment, { runId, life });
}

/** How often a change of a claim is tried while others change the claim too. */
const CHANGE_TRIES = 5;

/**
 * Changes a claim, if it exists.
 *
 * @param change computes the new claim from the present one; it returns undefined to change nothing.
 * @returns the claim as it is afterwards; undefined when there is none.
 * @throws OrdinalError `StorageConflict` (retryable) when other callers were faster each time.
 */
export async function changeClaim(
  environment: Environment,
  of: Life,
  change: (claim: Claim) => Claim | undefined,
): Promise<Claim | undefined> {
  const { store, config } = environment;
  for (let tries = 1; ; tries++) {
    const there = await store.readVersion(config.workContainer, work.claim(of));
    if (!there) return undefined;
    const before = parseJson(there.bytes, config.workContainer, work.claim(of), claimSchema);
    const after = change(before);
    if (!after) return before;
    if (await unlessConflict(write(environment, after, there))) return after;
    if (tries >= CHANGE_TRIES) throw changedByOthers(work.claim(of));
  }
}

async function write(
  { store, config }: Environment,
  claim: Claim,
  before: { etag: string } | undefined,
): Promise<object> {
  const { state, claimedAt, sweptAt } = claim;
  const metadata = { state, claimedat: claimedAt, ...(sweptAt !== undefined && { sweptat: sweptAt }) };
  return await writeJson(store, config.workContainer, work.claim(claim), claim, { ...inPlaceOf(before), metadata });
}
