/**
 * Names of the orchestration that takes a published run back, and its input. The HTTP handlers start it, and
 * `src/upkeep/withdraw.ts` is what it does. No I/O and no clock.
 */
import { z } from 'zod';
import { runIdSchema } from '../documents/documents.ts';

export const WITHDRAW_ORCHESTRATION = 'withdrawal';

/** Instance ID of the orchestration. No run can have this name. */
export function withdrawInstanceId(runId: string): string {
  return `${runId}~withdraw`;
}

export const withdrawInputSchema = z.object({
  runId: runIdSchema,
  pipeline: z.string(),
  /** The key indexes of the run, as its manifest names them. */
  indexes: z.array(z.string()),
  reason: z.string().exactOptional(),
});
export type WithdrawInput = z.infer<typeof withdrawInputSchema>;
