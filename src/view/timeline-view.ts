/**
 * A life's timeline as the HTTP API shows it: every task, or, where a phase has more tasks than the caller wants bars,
 * how many waited and worked in each slot of time. `src/http/timeline.ts` calls it. It is pure.
 */
import { z } from 'zod';
import { type TaskGroup, type Timeline, taskGroupSchema } from '../documents/timeline.ts';

const count = z.int().nonnegative();
const figures = z.array(z.number().nonnegative());

const groupSchema = taskGroupSchema.omit({
  number: true,
  queued: true,
  started: true,
  ended: true,
  worker: true,
  rows: true,
});

export const timelineViewSchema = z.object({
  runId: z.string(),
  life: z.int().positive(),
  live: z.boolean().describe('The life goes on: tasks that have not ended are not in it yet.'),
  from: z.string().describe('ISO 8601 in UTC: all times count from here, in milliseconds.'),
  to: count.describe('The last end of a task.'),
  workers: z.array(z.string()),
  groups: z.array(
    groupSchema.extend({
      count: count.describe('Tasks.'),
      rowsDone: count,
      first: count.describe('When the first of them was asked for.'),
      last: count.describe('When the last of them ended.'),
      waitedMs: count.describe('Of all tasks together, from being asked for to the start.'),
      workedMs: count.describe('Of all tasks together, from start to end.'),
      slowest: z.array(z.object({ number: count, ms: count })).describe('The tasks that took longest, at most five.'),
      tasks: taskGroupSchema
        .pick({ number: true, queued: true, started: true, ended: true, worker: true, rows: true })
        .optional()
        .describe('Columns: one entry for each task, in the order of their numbers.'),
      slots: z
        .object({
          ms: z.number().positive().describe('Width of a slot.'),
          waiting: figures.describe('Tasks that waited, on average over the slot.'),
          working: figures.describe('Tasks that were worked on, on average over the slot.'),
          ended: figures.describe('Tasks that ended in the slot.'),
          rows: figures.describe('Rows of those tasks.'),
        })
        .optional()
        .describe('In place of `tasks` where there are more of them than `bars`.'),
    }),
  ),
});
export type TimelineView = z.infer<typeof timelineViewSchema>;

/** Slots of time in place of bars. */
const SLOTS = 240;
const SLOWEST = 5;

/**
 * The view of a timeline.
 *
 * @param bars the most tasks of one group that are shown one by one; undefined for all.
 * @param live whether the life goes on.
 */
export function viewTimeline(timeline: Timeline, bars: number | undefined, live: boolean): TimelineView {
  const { runId, life, from, workers, groups } = timeline;
  const to = Math.max(0, ...groups.map(({ ended }) => largest(ended)));
  return {
    runId,
    life,
    live,
    from: new Date(from).toISOString(),
    to,
    workers,
    groups: groups.map((group) => viewGroup(group, bars, to)),
  };
}

function viewGroup(group: TaskGroup, bars: number | undefined, to: number): TimelineView['groups'][number] {
  const { phase, entity, ...tasks } = group;
  const { number, queued, started, ended, rows } = tasks;
  const took = ended.map((at, i) => at - started[i]!);
  const slowest = took
    .map((ms, i) => ({ number: number[i]!, ms }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST);
  return {
    phase,
    ...(entity !== undefined && { entity }),
    count: number.length,
    rowsDone: sum(rows),
    first: queued.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY),
    last: largest(ended),
    waitedMs: sum(started.map((at, i) => at - queued[i]!)),
    workedMs: sum(took),
    slowest,
    ...(bars === undefined || number.length <= bars ? { tasks } : { slots: slotsOf(group, to) }),
  };
}

/** Counts by slot: a task that fills half a slot counts half. Done by differences, so that many tasks cost little. */
function slotsOf({ queued, started, ended, rows }: TaskGroup, to: number) {
  const ms = Math.max(1, to / SLOTS);
  const zeros = () => new Array<number>(SLOTS).fill(0);
  const slot = (at: number) => Math.min(SLOTS - 1, Math.floor(at / ms));
  const covered = (begins: readonly number[], ends: readonly number[]): number[] => {
    const edges = zeros();
    const whole = new Array<number>(SLOTS + 1).fill(0);
    for (let i = 0; i < begins.length; i++) {
      const [a, b] = [begins[i]!, Math.max(begins[i]!, ends[i]!)];
      const [first, last] = [slot(a), slot(b)];
      if (first === last) edges[first]! += (b - a) / ms;
      else {
        edges[first]! += first + 1 - a / ms;
        edges[last]! += b / ms - last;
        whole[first + 1]! += 1;
        whole[last]! -= 1;
      }
    }
    let open = 0;
    return edges.map((edge, s) => {
      open += whole[s]!;
      return Math.round((edge + open) * 1000) / 1000;
    });
  };
  const done = zeros();
  const rowsDone = zeros();
  for (let i = 0; i < ended.length; i++) {
    done[slot(ended[i]!)]!++;
    rowsDone[slot(ended[i]!)]! += rows[i]!;
  }
  return { ms, waiting: covered(queued, started), working: covered(started, ended), ended: done, rows: rowsDone };
}

function largest(list: readonly number[]): number {
  return list.reduce((most, one) => Math.max(most, one), 0);
}

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0);
}
