/**
 * The app as `functions/` registers it, by the names that the durable host knows: orchestrators, activities and
 * entities. Used by `sim-host.ts`. This is the one file of the simulation that changes when a function is added.
 */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import { lookAtArrivals, startArrivalRun } from '../../../src/arrival/activities.ts';
import { cutsEntityName, reduceCuts } from '../../../src/arrival/arrival-intervals.ts';
import {
  GATHER_ORCHESTRATION,
  gatherOrchestrator,
  LOOK_ACTIVITY,
  START_ACTIVITY,
} from '../../../src/arrival/gather.ts';
import {
  TELL_ACTIVITY,
  TELL_ORCHESTRATION,
  tellOrchestrator,
  tellOutcome,
} from '../../../src/callback/notify-caller.ts';
import { runActivities } from '../../../src/durable/activity.ts';
import { type DurableRuns, hasEnded } from '../../../src/durable/client.ts';
import type { Orchestration } from '../../../src/durable/context.ts';
import { SHARD_ORCHESTRATION } from '../../../src/durable/fan-out.ts';
import type { Environment } from '../../../src/environment/environment.ts';
import { RUN_ORCHESTRATION, TIDY_ORCHESTRATION } from '../../../src/lives/names.ts';
import { LIVENESS_ACTIVITY } from '../../../src/run/leases.ts';
import { runOrchestrator, shardOrchestrator } from '../../../src/run/orchestrator.ts';
import { tidyOrchestrator } from '../../../src/run/settle-terminated.ts';
import { leaseEntityName, sequenceEntityName } from '../../../src/sequence/calls.ts';
import { reduceLeaseAny } from '../../../src/sequence/lease.ts';
import { reduceAny } from '../../../src/sequence/reducer.ts';

export type Orchestrator = (context: { df: Orchestration }) => Generator<Task, unknown, unknown>;

/** What an activity works with, besides its input. */
export interface Hands {
  environment: Environment;
  runs: DurableRuns;
  now: Date;
}

type Activity = (hands: Hands, input: unknown) => Promise<unknown>;

export const orchestrators: Record<string, Orchestrator> = {
  [RUN_ORCHESTRATION]: runOrchestrator,
  [SHARD_ORCHESTRATION]: shardOrchestrator,
  [TIDY_ORCHESTRATION]: tidyOrchestrator,
  [TELL_ORCHESTRATION]: tellOrchestrator,
  [GATHER_ORCHESTRATION]: gatherOrchestrator,
};

const others: Record<string, Activity> = {
  [LIVENESS_ACTIVITY]: async ({ runs }, input) => {
    const instance = await runs.get((input as { instance: string }).instance);
    return { ok: true, value: { alive: instance !== undefined && !hasEnded(instance) } };
  },
  [TELL_ACTIVITY]: ({ environment, runs }, input) => tellOutcome(environment, runs, input),
  [LOOK_ACTIVITY]: ({ environment }, input) => lookAtArrivals(environment, input),
  [START_ACTIVITY]: ({ environment, runs, now }, input) => startArrivalRun(environment, runs, now, input),
};

export function activityOf(name: string): Activity {
  const other = others[name];
  if (other) return other;
  const work = (runActivities as Record<string, (environment: Environment, input: unknown) => Promise<unknown>>)[name];
  assert.ok(work, `activity ${name}`);
  return ({ environment }, input) => work(environment, input);
}

type Reduce = (state: object | undefined, operation: unknown) => { state: object | undefined; result: object };

const reducers: Record<string, Reduce> = {
  [sequenceEntityName]: reduceAny as Reduce,
  [leaseEntityName]: reduceLeaseAny as Reduce,
  [cutsEntityName]: reduceCuts as Reduce,
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
