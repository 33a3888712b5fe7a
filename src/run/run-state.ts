/** What a run's orchestrator keeps in mind while it goes from phase to phase. */

import type { PlanRef, RunInput } from '../documents/documents.ts';
import type { Phase, RunStatus } from '../documents/status.ts';
import type { Orchestration } from '../durable/context.ts';
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
  readonly input: RunInput;
  /** Distinguishes lives of one run ID: time of the first episode. */
  readonly attempt: number;
  readonly startedAt: string;
  /** Leases held or waited for, and by lease the number of its grant. */
  leases: string[];
  terms: Record<string, number>;
  reserved: string[];
  plan: PlanOutput | undefined;
  /** When each phase began. */
  phases: { phase: Phase; at: string }[];
  status: RunStatus;
}

/** What activities are told of the run: which one, and by which version of its plan. */
export function refOf(run: RunState, plan: PlanOutput): PlanRef {
  const { runId } = run.input;
  return plan.etag === '' ? { runId } : { runId, plan: plan.etag };
}

/** Says in the custom status where the run is. */
export function report(df: Orchestration, run: RunState, change: Partial<RunStatus> & { phase: Phase }): void {
  if (run.phases.at(-1)?.phase !== change.phase) {
    run.phases.push({ phase: change.phase, at: df.currentUtcDateTime.toISOString() });
  }
  run.status = { ...run.status, ...change };
  const text = JSON.stringify(run.status);
  invariant(text.length * 2 <= limits.customStatusBytesMax, `a custom status of ${text.length} characters`);
  df.setCustomStatus(run.status);
}
