/**
 * Orchestrations for operators: one shows or changes a sequence, the other rebuilds a key index. The command (`npm run
 * ordinal`) starts them through the durable HTTP API. They are orchestrations because only an orchestration can call an
 * entity and hold a lease.
 */

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { type ActivityResult, shortened } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { call } from '../durable/fan-out.ts';
import { toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { acquireLeases, type LeaseHolder } from '../run/leases.ts';
import { releaseLeases } from '../run/settle.ts';
import { askEntity, sequenceEntityName } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import { rebuildIndex } from './rebuild-index.ts';

export const SEQUENCE_ORCHESTRATION = 'operateSequence';
export const REBUILD_ORCHESTRATION = 'rebuildKeys';

export const sequenceInputSchema = z.object({
  sequence: z.string(),
  operation: z.enum(['show', 'restore', 'raiseTo']),
  input: z.record(z.string(), z.unknown()),
});

/**
 * Runs one operation on one sequence.
 *
 * @param context the orchestration; its input is `{ sequence, operation, input }`.
 * @returns the entity's answer; an error is a value too.
 */
export function* sequenceOrchestrator(context: { df: Orchestration }): Generator<Task, SequenceResult, unknown> {
  const { df } = context;
  try {
    const { sequence, operation, input } = sequenceInputSchema.parse(df.getInput<unknown>());
    return yield* askEntity<SequenceResult>(df, {
      entity: { name: sequenceEntityName, key: sequence },
      operation,
      input,
    });
  } catch (thrown) {
    return { ok: false, error: shortened(toErrorValue(thrown)) };
  }
}

export const rebuildInputSchema = z.object({ index: z.string() });

/**
 * Rebuilds a key index from what runs published. It holds the lease, so no run resolves against the index meanwhile.
 *
 * @param context the orchestration; its input is `{ index }`.
 * @returns the output of `rebuildIndex`, or the error as a value.
 */
export function* rebuildOrchestrator(context: { df: Orchestration }): Generator<Task, ActivityResult<object>, unknown> {
  const { df } = context;
  const holder: LeaseHolder = { owner: df.instanceId, leases: [], terms: {} };
  try {
    const { index } = rebuildInputSchema.parse(df.getInput<unknown>());
    yield* acquireLeases(df, [index], holder, {
      onWait: (waiting) => df.setCustomStatus({ phase: 'wait', waiting }),
      minutesMax: limits.waitMinutesMax,
    });
    const value = yield* call(df, rebuildIndex, { index, term: holder.terms[index] ?? 0 });
    yield* releaseLeases(df, holder.leases, holder.owner);
    return { ok: true, value };
  } catch (thrown) {
    yield* releaseLeases(df, holder.leases, holder.owner);
    return { ok: false, error: shortened(toErrorValue(thrown)) };
  }
}
