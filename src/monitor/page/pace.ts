/**
 * How far a run is in its present phase, and how long that phase will go on, as far as it can be known from its pace so
 * far. The run's page shows it. It must never guess at phases to come.
 */
import type { RunView } from './types.ts';

type Paced = Pick<RunView, 'phase' | 'tasks' | 'rows' | 'phases' | 'startedAt'>;

/** What has been done of the phase, of what there is; undefined for what is one task or none. */
export function shareOf({ phase, tasks, rows }: Paced): { done: number; total: number } | undefined {
  if (phase === 'split' && rows.total > 0) return rows;
  return tasks && tasks.total > 1 ? tasks : undefined;
}

/** Milliseconds since the phase began. */
export function phaseMs({ phase, phases = [], startedAt }: Paced, now: number): number {
  const since = phases.findLast((one) => one.phase === phase)?.at ?? startedAt;
  return Math.max(0, now - Date.parse(since));
}

/** Milliseconds that the phase will go on for; undefined while nothing tells. */
export function leftMs(run: Paced, now: number): number | undefined {
  const share = shareOf(run);
  if (!share || share.done === 0 || share.done >= share.total) return undefined;
  return (phaseMs(run, now) / share.done) * (share.total - share.done);
}
