/**
 * When a run began, when each of its phases began, and when it ended: to the millisecond and in order. `run-view.ts`
 * calls it. The durable backend's own times are of whole seconds, so they are used only where the run itself said
 * nothing; a time must never lie before the one that it follows.
 */
import type { LifeInput } from '../documents/documents.ts';
import type { RunStatus } from '../documents/status.ts';
import { hasEnded, type Instance } from '../durable/client.ts';

export interface RunTimes {
  startedAt: string;
  updatedAt: string;
  finishedAt?: string;
  durationMs?: number;
}

/** The times of one life, from what its orchestration said, its claim and its instance. */
export function timesOf(instance: Instance, input: LifeInput, said: RunStatus | undefined): RunTimes {
  const started = Date.parse(said?.startedAt ?? input.claimedAt ?? instance.createdAt.toISOString());
  const iso = (ms: number) => new Date(ms).toISOString();
  const last = Math.max(started, ...phasesOf(said).map(({ at }) => Date.parse(at)));
  const updated = Math.max(instance.updatedAt.getTime(), last, Date.parse(said?.finishedAt ?? '') || 0);
  if (!hasEnded(instance)) return { startedAt: iso(started), updatedAt: iso(updated) };
  const asked = instance.endAskedAt?.getTime();
  const ended = said?.finishedAt === undefined ? (asked ?? instance.updatedAt.getTime()) : Date.parse(said.finishedAt);
  const finished = Math.max(ended, last);
  return {
    startedAt: iso(started),
    updatedAt: iso(Math.max(updated, finished)),
    finishedAt: iso(finished),
    durationMs: finished - started,
  };
}

/** When each phase of the life began, in order; the end is no phase. */
export function phasesOf(said: RunStatus | undefined): { phase: string; at: string }[] {
  const started = Date.parse(said?.startedAt ?? '');
  return (said?.phases ?? [])
    .filter(([phase]) => phase !== 'done' && phase !== 'failed')
    .map(([phase, ms]) => ({ phase, at: new Date(started + ms).toISOString() }));
}
