/**
 * Which tasks of a short run have ended, and when. Their records are in the memory of one process, where nobody else
 * sees them; so the process notes them in one small blob while the run goes on, and when it fails. `src/run/short-way.ts`
 * keeps the notes, the timeline and the run's view read them. Nothing depends on them: a note that fails is left out,
 * and must never fail a run.
 */
import { z } from 'zod';
import { type Environment, nowOf } from '../environment/environment.ts';
import { limits } from '../limits.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { type Life, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';

export const taskNotesSchema = z.object({
  version: z.literal(1),
  /** Names in the life's work folder, with what their metadata would say of the task. */
  tasks: z.array(z.object({ name: z.string(), times: z.string(), rows: z.string().exactOptional() })),
});

/** A task's record, as far as a timeline needs it. */
export type TaskRecord = Pick<BlobItem, 'name' | 'metadata'>;

/** The folders of what tasks leave in memory. */
const folders = ['split/', 'resolved/', 'sealed/', 'published/'];

/** The notes of one execution. */
export class TaskNotes {
  readonly #environment: Environment;
  readonly #of: Life;
  #notedAt: number;
  #behind = false;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param environment the one whose store has the records of the life. */
  constructor(environment: Environment, of: Life) {
    this.#environment = environment;
    this.#of = of;
    this.#notedAt = nowOf(environment).getTime();
  }

  /** A task has ended: it is noted, beside the work, when the last note is old enough. */
  ended(): void {
    this.#behind = true;
    const now = nowOf(this.#environment).getTime();
    if (now - this.#notedAt < limits.shortNoteSeconds * 1000) return;
    this.#notedAt = now;
    void this.flush();
  }

  /** Notes what has not been noted, when the run is not gone on with for a while: it may wait for others now. */
  later(): void {
    this.#timer = setTimeout(() => void this.flush(), limits.shortNoteSeconds * 1000).unref();
  }

  /** Waits for a note that is under way, and sets none. */
  async rest(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
  }

  /** Notes what has not been noted, after what is being noted. Never throws. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#writing = (this.#writing ?? Promise.resolve()).then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (!this.#behind) return;
    this.#behind = false;
    const { store, config } = this.#environment;
    const start = work.runPrefix(this.#of);
    const tasks: z.infer<typeof taskNotesSchema>['tasks'] = [];
    try {
      for (const folder of folders) {
        for await (const { name, metadata } of store.list(config.workContainer, `${start}${folder}`)) {
          const { times, rows } = metadata;
          if (times === undefined) continue;
          tasks.push({ name: name.slice(start.length), times, ...(rows !== undefined && { rows }) });
        }
      }
      const name = work.taskNotes(this.#of);
      await writeJson(store, config.workContainer, name, { version: 1, tasks }, { compact: true });
    } catch {
      // The next note has it too.
    }
  }
}

/** The tasks that a short life has noted; none where it has noted nothing. */
export async function notedTasks({ store, config }: Environment, of: Life): Promise<TaskRecord[]> {
  const notes = await readJson(store, config.workContainer, work.taskNotes(of), taskNotesSchema);
  return (notes?.tasks ?? []).map(({ name, times, rows }) => ({
    name: `${work.runPrefix(of)}${name}`,
    metadata: { times, ...(rows !== undefined && { rows }) },
  }));
}
