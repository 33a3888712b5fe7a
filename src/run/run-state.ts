/**
 * What a run's orchestrator remembers between phases, and how it reports its status. Only the orchestrations in this
 * folder use it. It is rebuilt by replay, so it must hold nothing that does not follow from the history.
 */
import type { LifeInput, PlanRef } from '../documents/documents.ts';
import type { Phase, RunStatus } from '../documents/status.ts';
import type { Orchestration } from '../durable/context.ts';
import type { Patience } from '../durable/fan-out.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { PlanOutput } from '../plan/activity.ts';

export interface RunOutput {
  runId: string;
  pipeline: string;
  rows: number;
  /** Blob in the pipeline's output container; a dry run has none. */
  manifest?: string;
}

export interface RunState {
  readonly input: LifeInput;
  /** Name of this life of the run. It owns the reservations and waits in line for leases. */
  readonly owner: string;
  readonly startedAt: string;
  /** Leases that are held or waited for, and for each lease the number of its grant. */
  leases: string[];
  terms: Record<string, number>;
  /** Up to the run's deadline; undefined for a run that has none. */
  patience?: Patience;
  /** Number of the try to reserve IDs. A reservation that finds no room is tried again with a higher number. */
  tries: number;
  /** When each phase began. */
  phases: { phase: Phase; at: string }[];
  status: RunStatus;
}

/** What activities are told about the run: its ID, its life, and the version of its plan. */
export function refOf(run: RunState, plan: PlanOutput): PlanRef {
  const { runId, life } = run.input;
  return plan.etag === '' ? { runId, life } : { runId, life, plan: plan.etag };
}

/** How many tasks each phase has. The short way seals and publishes as one. */
export function tasksOf(plan: PlanOutput): { split: number; resolve: number; seal: number; publish: number } {
  const resolve = plan.keyed.reduce((sum, { partitions }) => sum + partitions, 0);
  const publish = resolve + plan.rowsEntities.length * plan.parts;
  return { split: plan.batches, resolve, seal: resolve + plan.sealGroups, publish };
}

/** Whether a run without a deadline has waited for `limits.waitMinutesMax`. */
export function waitsTooLong(df: Orchestration, { patience, startedAt }: RunState): boolean {
  if (patience) return false;
  return df.currentUtcDateTime.getTime() - Date.parse(startedAt) > limits.waitMinutesMax * 60_000;
}

/** Phases that a status lists: a run has nine, and those that it waits in come again. */
const STATUS_PHASES_MAX = 24;

/**
 * Writes the run's phase and what it waits for to the custom status. A wait that is not reported again is over. So is the
 * number of a phase's tasks, when the phase is.
 */
export function report(df: Orchestration, run: RunState, change: Partial<RunStatus> & { phase: Phase }): void {
  if (run.phases.at(-1)?.phase !== change.phase) {
    run.phases.push({ phase: change.phase, at: df.currentUtcDateTime.toISOString() });
  }
  const { waiting: _, tasks, ...before } = run.status;
  const status = { ...before, ...(tasks !== undefined && change.phase === before.phase && { tasks }) };
  const started = Date.parse(run.startedAt);
  const phases = run.phases.slice(0, STATUS_PHASES_MAX);
  run.status = { ...status, ...change, phases: phases.map(({ phase, at }) => [phase, Date.parse(at) - started]) };
  const text = JSON.stringify(run.status);
  invariant(text.length * 2 <= limits.customStatusBytesMax, `a custom status of ${text.length} characters`);
  df.setCustomStatus(run.status);
}
