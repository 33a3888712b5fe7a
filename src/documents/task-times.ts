/**
 * When a task of a run was asked for, began and ended, and which worker did it: metadata of the blob that the task
 * writes anyway. Activities of all phases write it, and `timeline.ts` reads it. It must never be part of a blob's bytes,
 * because those must follow from the input alone.
 */
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';

/** Milliseconds since 1970, by the clocks of whoever wrote them. */
export interface TaskTimes {
  /** When the orchestration asked for the task; undefined when it did not say so. */
  queued: number | undefined;
  started: number;
  ended: number;
  /** The process, by a short name. */
  worker: string;
}

/**
 * Notes that a task begins.
 *
 * @param input the activity's input, in which the orchestration says when it asked.
 * @returns what gives the metadata, at the moment of the write.
 */
export function beginTask(
  { config }: Pick<Environment, 'config'>,
  { queuedAt }: { queuedAt?: number | undefined },
): () => Record<string, string> {
  const started = Date.now();
  return () => ({ times: [queuedAt ?? '', started, Date.now(), config.worker].join(',') });
}

const timesSchema = z.string().regex(/^(\d{1,15})?,\d{1,15},\d{1,15},[^,]{1,40}$/);

/** The times in a blob's metadata; undefined where it has none. */
export function taskTimesOf({ times }: Record<string, string>): TaskTimes | undefined {
  const said = timesSchema.safeParse(times).data;
  if (!said) return undefined;
  const [queued, started, ended, worker] = said.split(',') as [string, string, string, string];
  const begun = Number(started);
  // Clocks of several machines: what follows is not before what it follows.
  return {
    queued: queued === '' ? undefined : Math.min(Number(queued), begun),
    started: begun,
    ended: Math.max(begun, Number(ended)),
    worker,
  };
}
