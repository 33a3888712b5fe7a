/**
 * Names of the orchestration that takes a published run back, its input, and what it notes. The HTTP handlers start it and
 * show how far it is; `src/upkeep/withdraw.ts` is what it does. No I/O and no clock.
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
  /** Who asked for it. */
  by: z.string().exactOptional(),
  reason: z.string().exactOptional(),
});
export type WithdrawInput = z.infer<typeof withdrawInputSchema>;

/** What is left to do for a withdrawn run: while it is there, the sweep looks after it. */
export const withdrawalSchema = withdrawInputSchema.extend({
  version: z.literal(1),
  at: z.iso.datetime(),
  filesUntil: z.iso.datetime(),
  /** Whether index and ledger are put right. */
  done: z.boolean(),
});
export type Withdrawal = z.infer<typeof withdrawalSchema>;
