/**
 * Activities `lowerLives` and `endLife`: what an orchestration asks about a run's claims. The first lists the earlier
 * lives that still have to be settled. The second records that a life has been settled. `src/run/settle.ts` calls both.
 * They change nothing but claims.
 */

import { z } from 'zod';
import { lifeSchema } from '../documents/documents.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import type { Life } from '../storage/names.ts';
import { changeClaim, claimedLives, readClaim } from './claims.ts';

export interface LowerLives {
  /** Numbers of earlier lives that nobody has settled yet, ascending. */
  lives: number[];
}

/**
 * Activity `lowerLives`. Input: a run ID and the number of a life. Output: the numbers of the earlier lives that still
 * have
 * to be settled, in ascending order. It changes nothing.
 */
export const lowerLives = defineActivity({ name: 'lowerLives', input: lifeSchema, work: lowerLivesActivity });

async function lowerLivesActivity(environment: Environment, { runId, life }: Life): Promise<LowerLives> {
  const lives: number[] = [];
  for (const lower of await claimedLives(environment, runId)) {
    if (lower >= life) break;
    const claim = await readClaim(environment, { runId, life: lower });
    if (claim && !isOver(claim)) lives.push(lower);
  }
  return { lives };
}

export function isOver({ state }: { state: string }): boolean {
  return state === 'over' || state === 'swept';
}

const endSchema = lifeSchema.extend({
  /** ISO time, by the clock of who settled it. */
  at: z.iso.datetime(),
});

/**
 * Activity `endLife`. Input: a life. Output: `noted: false` when the life has no claim. Records in the claim that it is
 * over.
 */
export const endLife = defineActivity({ name: 'endLife', input: endSchema, work: endLifeActivity });

/** Records that a life holds nothing any more. Late requests of it may still create blobs; the sweep removes those. */
async function endLifeActivity(
  environment: Environment,
  { at, ...of }: z.infer<typeof endSchema>,
): Promise<{ noted: boolean }> {
  const claim = await changeClaim(environment, of, (found) =>
    isOver(found) ? undefined : { ...found, state: 'over', overAt: at },
  );
  return { noted: claim !== undefined };
}
