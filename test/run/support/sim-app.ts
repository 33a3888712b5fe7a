/**
 * The app as `functions/` registers it, by the names that the durable host knows: orchestrators, activities and
 * entities. Used by `sim-host.ts`. This is the one file of the simulation that changes when a function is added.
 */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import { intervalsEntityName, reduceIntervals } from '../../../src/arrival/arrival-intervals.ts';
import { GATHER_ORCHESTRATION, gatherOrchestrator } from '../../../src/arrival/gather.ts';
import { BACKFILL_ORCHESTRATION } from '../../../src/backfill/backfill-documents.ts';
import { backfillOrchestrator } from '../../../src/backfill/orchestrator.ts';
import { TELL_ORCHESTRATION, tellOrchestrator } from '../../../src/callback/notify-caller.ts';
import type { Orchestration } from '../../../src/durable/context.ts';
import { SHARD_ORCHESTRATION } from '../../../src/durable/fan-out.ts';
import { RUN_ORCHESTRATION, TIDY_ORCHESTRATION } from '../../../src/lives/names.ts';
import type { Starter } from '../../../src/lives/start.ts';
import { WITHDRAW_ORCHESTRATION } from '../../../src/lives/withdraw-names.ts';
import { activities, clientActivities } from '../../../src/registration/activity-list.ts';
import { runOrchestrator, shardOrchestrator } from '../../../src/run/orchestrator.ts';
import { tidyOrchestrator } from '../../../src/run/settle-terminated.ts';
import { leaseEntityName, sequenceEntityName } from '../../../src/sequence/calls.ts';
import { reduceLeaseAny } from '../../../src/sequence/lease.ts';
import { reduceAny } from '../../../src/sequence/reducer.ts';
import { withdrawOrchestrator } from '../../../src/upkeep/withdraw.ts';

export type Orchestrator = (context: { df: Orchestration }) => Generator<Task, unknown, unknown>;

export const orchestrators: Record<string, Orchestrator> = {
  [RUN_ORCHESTRATION]: runOrchestrator,
  [SHARD_ORCHESTRATION]: shardOrchestrator,
  [TIDY_ORCHESTRATION]: tidyOrchestrator,
  [TELL_ORCHESTRATION]: tellOrchestrator,
  [GATHER_ORCHESTRATION]: gatherOrchestrator,
  [BACKFILL_ORCHESTRATION]: backfillOrchestrator,
  [WITHDRAW_ORCHESTRATION]: withdrawOrchestrator,
};

/** Executes an activity, with what it is registered with. */
export function activityOf(name: string): (hands: Starter, input: unknown) => Promise<unknown> {
  const asking = clientActivities.find((activity) => activity.name === name);
  if (asking) return (hands, input) => asking.run(hands, input);
  const working = activities.find((activity) => activity.name === name);
  assert.ok(working, `activity ${name}`);
  return ({ environment }, input) => working.run(environment, input);
}

type Reduce = (state: object | undefined, operation: unknown) => { state: object | undefined; result: object };

const reducers: Record<string, Reduce> = {
  [sequenceEntityName]: reduceAny as Reduce,
  [leaseEntityName]: reduceLeaseAny as Reduce,
  [intervalsEntityName]: reduceIntervals as Reduce,
};

/** One operation on an entity's state as JSON text. */
export function operate(
  entity: string,
  state: string | undefined,
  operation: object,
): { state: string | undefined; result: object } {
  const reduce = reducers[entity];
  assert.ok(reduce, `entity ${entity}`);
  const reduced = reduce(state === undefined ? undefined : (JSON.parse(state) as object), operation);
  return { state: reduced.state && JSON.stringify(reduced.state), result: reduced.result };
}
