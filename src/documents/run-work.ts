/**
 * The work in progress of a short run, in the memory of a process between its phases. A phase takes it out, so that no
 * two executions work with the same memory, and puts it back when it has ended. Whoever finds none makes it again: it is
 * a pure function of the plan and, from the resolve on, of what the key indexes held under the run's leases. It must
 * never be given to another life, to another plan, or under other grants of the leases.
 */
import type { Environment } from '../environment/environment.ts';
import { limits } from '../limits.ts';
import { takeSource } from '../source/kept-sources.ts';
import { type MemoryWork, workInMemory } from '../storage/memory-work.ts';
import { type Life, lifeId, work } from '../storage/names.ts';
import { TaskNotes } from './task-notes.ts';

export interface RunWork {
  readonly of: Life;
  /** ETag of the plan. */
  readonly plan: string;
  /** What the phases work with: their documents stay in memory. */
  readonly environment: Environment;
  readonly store: MemoryWork;
  /** What others are told of its tasks. */
  readonly notes: TaskNotes;
  /** Of this process: what is kept beside one work is never of another one, be it of the same life. */
  readonly number: number;
  /** What the resolve came to, and under which grants; undefined until then. */
  resolved?: { terms: string; digest: string };
}

interface Shelf {
  kept?: { work: RunWork; timer: NodeJS.Timeout };
  /** Splits of short runs under way in this process. */
  splitting: number;
}

/** Of each process, by the environment that its activities have. */
const shelves = new WeakMap<Environment, Shelf>();

function shelfOf(environment: Environment): Shelf {
  const shelf = shelves.get(environment) ?? { splitting: 0 };
  shelves.set(environment, shelf);
  return shelf;
}

let works = 0;

/** Work of a life that has done nothing yet. */
export function newWork(environment: Environment, of: Life & { plan: string }): RunWork {
  const { runId, life } = of;
  const { workContainer } = environment.config;
  const store = workInMemory({
    below: environment.store,
    isKept: (container, name) => container === workContainer && work.inProgress(of, name),
    isPinned: (container, name) => container === workContainer && work.pinned(of, name),
    source: (container, name, etag) => takeSource(environment, container, name, etag),
  });
  const own: Environment = { ...environment, store, workInMemory: true };
  const notes = new TaskNotes(own, { runId, life });
  return { of: { runId, life }, plan: of.plan, environment: own, store, notes, number: ++works };
}

/**
 * Begins the split of a short run. Undefined when this process is at another one's already, or keeps its work: two would
 * take twice the memory. What it returns is to be called when the split has ended.
 */
export function beginSplit(environment: Environment, of: Life): (() => void) | undefined {
  const shelf = shelfOf(environment);
  if (shelf.splitting > 0) return undefined;
  // The work of an earlier life of the same run is nobody's any more.
  if (shelf.kept && shelf.kept.work.of.runId !== of.runId) return undefined;
  shelf.splitting++;
  let ended = false;
  return () => {
    if (!ended) shelf.splitting--;
    ended = true;
  };
}

/** Takes what is kept for this life and plan; nobody else gets it. */
export function takeWork(environment: Environment, of: Life & { plan: string }): RunWork | undefined {
  const shelf = shelfOf(environment);
  const { kept } = shelf;
  if (!kept || lifeId(kept.work.of) !== lifeId(of) || kept.work.plan !== of.plan) return undefined;
  clearTimeout(kept.timer);
  delete shelf.kept;
  return kept.work;
}

/** Keeps it for the next phase, for a while. What was kept of another run goes: that one makes it again. */
export function keepWork(environment: Environment, own: RunWork): void {
  const shelf = shelfOf(environment);
  if (shelf.kept) clearTimeout(shelf.kept.timer);
  const forget = () => {
    if (shelf.kept?.work === own) delete shelf.kept;
  };
  shelf.kept = { work: own, timer: setTimeout(forget, limits.shortKeptSecondsMax * 1000).unref() };
}
