/**
 * Orchestrations for operators: one shows or changes a sequence, the other rebuilds a key index. The command (`npm run
 * ordinal`) starts them through the durable HTTP API. They are orchestrations because only an orchestration can call an
 * entity and hold a lease.
 */

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { type ActivityResult, shortened } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { call, type Patience } from '../durable/fan-out.ts';
import { fromErrorValue, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { acquireLeases, type LeaseHolder } from '../run/leases.ts';
import { releaseLeases } from '../run/settle.ts';
import { askEntity, onLease, sequenceEntityName } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import { importKeys } from './import/activity.ts';
import { type RebuildOutput, rebuildIndex } from './rebuild-index.ts';

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

export const rebuildInputSchema = z.object({
  index: z.string(),
  /** Add prepared keys in place of a rebuild: what the import is called, its sequence, and its largest ID. */
  add: z
    .object({
      importId: z.string(),
      last: z.string(),
      sequence: z.object({ name: z.string(), start: z.string(), step: z.string() }),
    })
    .exactOptional(),
});
type AddedKeys = NonNullable<z.infer<typeof rebuildInputSchema>['add']>;

/**
 * Rebuilds a key index from what runs published, or adds imported keys to it. It holds the lease, so no run resolves
 * against the index meanwhile.
 *
 * @param context the orchestration; its input is `{ index }`, and `add` for imported keys.
 * @returns the output of `rebuildIndex`, or that of `importKeys` with the `next` ID of the sequence; or the error as a value.
 */
export function* rebuildOrchestrator(context: { df: Orchestration }): Generator<Task, ActivityResult<object>, unknown> {
  const { df } = context;
  const holder: LeaseHolder = { owner: df.instanceId, leases: [], terms: {} };
  try {
    const { index, add } = rebuildInputSchema.parse(df.getInput<unknown>());
    yield* acquireLeases(df, [index], holder, {
      onWait: (waiting) => df.setCustomStatus({ phase: 'wait', waiting }),
      minutesMax: limits.waitMinutesMax,
    });
    const value = add
      ? yield* addKeys(df, index, add, holder.terms[index] ?? 0)
      : yield* rebuildHeld(df, index, holder);
    yield* releaseLeases(df, holder.leases, holder.owner);
    return { ok: true, value };
  } catch (thrown) {
    yield* releaseLeases(df, holder.leases, holder.owner);
    return { ok: false, error: shortened(toErrorValue(thrown)) };
  }
}

/**
 * Rebuilds an index whose lease the orchestration holds. A lease that has forgotten its grants goes on above the last one
 * first: runs are put in order by them.
 */
export function* rebuildHeld(
  df: Orchestration,
  index: string,
  { owner, terms }: LeaseHolder,
  patience?: Patience,
): Generator<Task, RebuildOutput, unknown> {
  const first = yield* call(df, rebuildIndex, { index, term: terms[index] ?? 0 }, patience);
  if (!('above' in first)) return first;
  const answer = yield* askEntity(df, onLease('acquire', index, { owner, above: first.above }));
  if (!answer.ok) throw fromErrorValue(answer.error);
  terms[index] = answer.granted ? answer.term : 0;
  const second = yield* call(df, rebuildIndex, { index, term: terms[index] }, patience);
  if (!('above' in second)) return second;
  throw new OrdinalError('LeaseConflict', `key index "${index}" is held by others now (grant ${second.above})`, {
    remedy: 'Start it again: it was given up.',
  });
}

/**
 * Raises the sequence above the imported IDs, and makes the keys count. A run that holds IDs of the sequence could hold
 * one of theirs, so none may be under way, before and after.
 */
function* addKeys(
  df: Orchestration,
  index: string,
  { importId, last, sequence }: AddedKeys,
  term: number,
): Generator<Task, object, unknown> {
  const { name, start, step } = sequence;
  const ask = (operation: string, input: object) =>
    askEntity<SequenceResult>(df, { entity: { name: sequenceEntityName, key: name }, operation, input });
  refuseOpen(name, yield* ask('show', {}));
  const raised = yield* ask('raiseTo', { value: last, start, step });
  if (!raised.ok) throw fromErrorValue(raised.error);
  refuseOpen(name, yield* ask('show', {}));
  const now = df.currentUtcDateTime.toISOString();
  const added = yield* call(df, importKeys, { index, importId, term, now });
  return { ...added, ...('raised' in raised && { next: raised.next }) };
}

function refuseOpen(sequence: string, shown: SequenceResult): void {
  if (!shown.ok) throw fromErrorValue(shown.error);
  const owners = 'openOwners' in shown ? (shown.openOwners ?? []) : [];
  if (owners.length === 0) return;
  throw new OrdinalError(
    'StorageConflict',
    `runs hold IDs of sequence "${sequence}": ${owners.slice(0, 3).join(', ')}`,
    {
      remedy: 'Wait until no run draws on the sequence, and import then.',
    },
  );
}
