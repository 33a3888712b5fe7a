/**
 * The timeline of a life: when each of its tasks was queued, started and ended, and on which worker. It is folded from
 * the metadata of the blobs that the tasks wrote, and is written down once, when the life ends, before its work can be
 * removed. The publish, the discard and the HTTP API call this file. It must add nothing to what a run waits for.
 */
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { type Life, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { unlessConflict } from '../storage/write-once.ts';
import { notedTasks, type TaskRecord } from './task-notes.ts';
import { taskTimesOf } from './task-times.ts';

const count = z.int().nonnegative();
const column = z.array(count);

/** Phases that have tasks, in order. `footers` is the part of the plan that reads many files. */
const taskPhases = ['footers', 'plan', 'split', 'resolve', 'seal', 'publish'] as const;

/** Tasks of one kind: a column of each figure, in the order of the tasks' numbers. Times count from `from`. */
export const taskGroupSchema = z.object({
  phase: z.enum(taskPhases),
  /** The entity whose keys were resolved, whose rows were sealed or whose file was published. */
  entity: z.string().exactOptional(),
  /** Number of the batch, group of batches, key partition or file. */
  number: column,
  /** Milliseconds from the beginning to when the task was asked for. */
  queued: column,
  started: column,
  ended: column,
  /** Number of the worker in `workers`. */
  worker: column,
  /** Rows that the task dealt with; 0 where it did not say. */
  rows: column,
});
export type TaskGroup = z.infer<typeof taskGroupSchema>;

export const timelineSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  life: count,
  /** Milliseconds since 1970 from which all times count. */
  from: count,
  workers: z.array(z.string()),
  groups: z.array(taskGroupSchema),
});
export type Timeline = z.infer<typeof timelineSchema>;

/** Which task wrote a blob: the names of `src/storage/names.ts`. */
const patterns: { phase: TaskGroup['phase']; name: RegExp }[] = [
  { phase: 'plan', name: /^plan\.json$/ },
  { phase: 'footers', name: /^files\/[0-9a-f]+-(?<number>\d+)\.json$/ },
  { phase: 'split', name: /^split\/(?<number>\d+)\.bin$/ },
  { phase: 'resolve', name: /^resolved\/(?<entity>.+)-(?<number>\d{3})\.json$/ },
  { phase: 'seal', name: /^sealed\/g(?<number>\d+)\.json$/ },
  { phase: 'seal', name: /^sealed\/k-(?<entity>.+)-(?<number>\d{3})(?:-known|-changes)?\.json$/ },
  { phase: 'publish', name: /^published\/(?<entity>.+)-(?<number>\d{5})(?:-known|-changes)?\.json$/ },
];

interface Task {
  number: number;
  queued: number;
  started: number;
  ended: number;
  worker: string;
  rows: number;
}

/** Folds blobs of a life's work folder into its timeline; undefined when none of them has times. */
export function foldTimeline(of: Life, blobs: Iterable<TaskRecord>): Timeline | undefined {
  const groups = new Map<string, { phase: TaskGroup['phase']; entity?: string; tasks: Map<number, Task> }>();
  let from = Number.POSITIVE_INFINITY;
  const folder = work.runPrefix(of).length;
  for (const { name, metadata } of blobs) {
    const times = taskTimesOf(metadata);
    if (!times) continue;
    const found = taskOf(name.slice(folder));
    if (!found) continue;
    const { phase, entity, number } = found;
    const key = JSON.stringify([phase, entity]);
    const group = groups.get(key) ?? { phase, ...(entity !== undefined && { entity }), tasks: new Map() };
    groups.set(key, group);
    const { queued = times.started, started, ended, worker } = times;
    const rows = Number(metadata.rows ?? 0) || 0;
    // The datasets of a keyed entity are one task, which writes a blob for each.
    const known = group.tasks.get(number);
    const task = known
      ? {
          ...known,
          started: Math.min(known.started, started),
          ended: Math.max(known.ended, ended),
          rows: known.rows + rows,
        }
      : { number, queued, started, ended, worker, rows };
    group.tasks.set(number, task);
    from = Math.min(from, queued);
  }
  if (groups.size === 0) return undefined;
  const workers = [...new Set([...groups.values()].flatMap(({ tasks }) => [...tasks.values()].map((t) => t.worker)))];
  const numberOf = new Map(workers.sort().map((worker, i) => [worker, i]));
  return {
    version: 1,
    runId: of.runId,
    life: of.life,
    from,
    workers,
    groups: [...groups.values()]
      .sort((a, b) => taskPhases.indexOf(a.phase) - taskPhases.indexOf(b.phase))
      .map(({ tasks, ...group }) => {
        const list = [...tasks.values()].sort((a, b) => a.number - b.number);
        return {
          ...group,
          number: list.map(({ number }) => number),
          queued: list.map(({ queued }) => queued - from),
          started: list.map(({ started }) => started - from),
          ended: list.map(({ ended }) => ended - from),
          worker: list.map(({ worker }) => numberOf.get(worker)!),
          rows: list.map(({ rows }) => rows),
        };
      }),
  };
}

function taskOf(name: string): { phase: TaskGroup['phase']; entity?: string; number: number } | undefined {
  for (const { phase, name: pattern } of patterns) {
    const match = pattern.exec(name);
    if (!match) continue;
    const { entity, number = '0' } = match.groups ?? {};
    return { phase, ...(entity !== undefined && { entity }), number: Number(number) };
  }
  return undefined;
}

/** Writes a life's timeline from the blobs of its work folder. The first one stands: a later look may see less. */
export async function keepTimeline(environment: Environment, of: Life, blobs: readonly BlobItem[]): Promise<void> {
  const { store, config } = environment;
  const timeline = foldTimeline(of, await withNotes(environment, of, blobs));
  if (!timeline) return;
  const options = { compact: true, ifAbsent: true } as const;
  await unlessConflict(writeJson(store, config.workContainer, work.timeline(of), timeline, options));
}

/** The blobs of a life's work folder. */
export async function listWork({ store, config }: Environment, of: Life): Promise<BlobItem[]> {
  return await Array.fromAsync(store.list(config.workContainer, work.runPrefix(of)));
}

/** A life's timeline: as it was written down, or else of what its work folder has now. Undefined when there is none. */
export async function readTimeline(environment: Environment, of: Life): Promise<Timeline | undefined> {
  const { store, config } = environment;
  const kept = await readJson(store, config.workContainer, work.timeline(of), timelineSchema);
  return kept ?? foldTimeline(of, await withNotes(environment, of, await listWork(environment, of)));
}

/** A life's tasks: by its blobs, and by the notes of a short one. A run that went on by the long way has both. */
async function withNotes(environment: Environment, of: Life, blobs: readonly BlobItem[]): Promise<TaskRecord[]> {
  const noted = blobs.some(({ name }) => name === work.taskNotes(of));
  // Where the records themselves are at hand, the notes say no more.
  if (!noted || environment.workInMemory) return [...blobs];
  const records = new Map((await notedTasks(environment, of)).map((record) => [record.name, record]));
  for (const blob of blobs) records.set(blob.name, blob);
  return [...records.values()];
}

/** The folder that the tasks of a phase leave something in. */
const folders = { plan: 'files/', split: 'split/', resolve: 'resolved/', seal: 'sealed/', publish: 'published/' };

/** How many tasks of the phase that a life is in have ended. The short way seals and publishes as one. */
export async function tasksEnded(
  environment: Environment,
  of: Life,
  phase: keyof typeof folders,
  short: boolean,
): Promise<{ tasks: number; rows: number }> {
  const { store, config } = environment;
  const wanted = phase === 'plan' ? ['footers'] : short && phase === 'publish' ? ['seal', 'publish'] : [phase];
  const tasks = new Set<string>();
  let rows = 0;
  const see = ({ name, metadata }: TaskRecord) => {
    const task = taskOf(name.slice(work.runPrefix(of).length));
    if (!task || !wanted.includes(task.phase)) return;
    tasks.add(JSON.stringify(task));
    rows += Number(metadata.rows ?? 0) || 0;
  };
  if (short && phase !== 'plan') for (const record of await notedTasks(environment, of)) see(record);
  else {
    const prefix = `${work.runPrefix(of)}${folders[phase]}`;
    for await (const blob of store.list(config.workContainer, prefix)) see(blob);
  }
  return { tasks: tasks.size, rows };
}
