/**
 * Activities `lowerLives` and `endLife`: what an orchestration asks of a run's claims. The first says which earlier lives
 * are still to be settled; the second notes that one is. They change nothing but claims.
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

export const endLife = defineActivity({ name: 'endLife', input: endSchema, work: endLifeActivity });

/** Notes that a life holds nothing any more. Late requests of it may still leave blobs: the sweep sees to those. */
async function endLifeActivity(
  environment: Environment,
  { at, ...of }: z.infer<typeof endSchema>,
): Promise<{ noted: boolean }> {
  const claim = await changeClaim(environment, of, (found) =>
    isOver(found) ? undefined : { ...found, state: 'over', overAt: at },
  );
  return { noted: claim !== undefined };
}
