/**
 * Who holds IDs or a lease, or waits for one, and since when. `catalogue.ts` and `keys.ts` show it. Entities know
 * owners and no times, so the time is that of the phase in which the owner's run took it.
 */
import { z } from 'zod';
import { type Phase, runStatusSchema } from '../documents/status.ts';
import { lifeOfId } from '../storage/names.ts';
import { phasesOf } from '../view/run-times.ts';
import type { Door } from './request-context.ts';

export const holderSchema = z.object({
  owner: z.string().describe('The name of a life of a run, or of an operator\u2019s orchestration.'),
  runId: z.string().optional(),
  status: z.string().optional().describe('Of its orchestration; absent when there is none.'),
  since: z.string().optional().describe('ISO time at which its run came to the phase in which it took this.'),
});
export type Holder = z.infer<typeof holderSchema>;

/** @param phase the phase in which a run takes what is held. */
export async function holderOf({ runs }: Door, owner: string, phase: Phase): Promise<Holder> {
  const instance = await runs.get(owner);
  const said = runStatusSchema.safeParse(instance?.customStatus).data;
  const since = phasesOf(said).find((one) => one.phase === phase)?.at ?? instance?.createdAt.toISOString();
  const life = lifeOfId(owner);
  return {
    owner,
    ...(life && { runId: life.runId }),
    ...(instance && { status: instance.status }),
    ...(since !== undefined && { since }),
  };
}
