/**
 * Follows a run to its end and shows its progress. `runs watch` and `runs start --wait` call it. It only looks: the run
 * goes on whether or not somebody watches.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OrdinalError } from '../../src/errors.ts';
import { type RunView, runViewSchema } from '../../src/view/run-view-schema.ts';
import type { AppClient } from '../clients/app-client.ts';
import type { Given, Result } from '../command.ts';
import type { Exit } from '../exit-codes.ts';
import type { Step } from '../terminal/progress.ts';
import { shownRun } from './run-shown.ts';

const POLL_MS_MIN = 200;
const POLL_MS_MAX = 2_000;
/** Milliseconds for which an app that does not answer, or does not know the run yet, is asked again. */
const PATIENCE_MS = 60_000;

const hasEnded = ({ status }: RunView) => status !== 'Pending' && status !== 'Running';

export const runPath = (runId: string) => `runs/${encodeURIComponent(runId)}`;

export interface FollowOptions {
  /** Milliseconds after which the command ends although the run goes on. */
  timeout?: number | undefined;
  /** Whether the run was started just now: the backend may not show it yet. */
  isNew?: boolean;
}

/** Follows a run until it ends or the time is over. */
export async function followRun(given: Given, runId: string, options: FollowOptions = {}): Promise<Result> {
  const app = await given.app();
  const progress = given.terminal.progress();
  const startedAt = performance.now();
  let view: RunView | undefined;
  try {
    for (let pause = POLL_MS_MIN; ; pause = Math.min(POLL_MS_MAX, pause * 1.3)) {
      view = await look(given, app, runId, view, options.isNew === true);
      if (view) progress?.update(stepOf(view));
      if (view && hasEnded(view)) break;
      if (options.timeout !== undefined && performance.now() - startedAt > options.timeout) break;
      await delay(pause, undefined, { signal: given.signal });
    }
  } finally {
    progress?.end();
  }
  return ended(view);
}

function ended(view: RunView | undefined): Result {
  if (!view) return { show: ['The run is not shown yet.'], value: null, exit: 'goesOn' };
  const exit: Exit = !hasEnded(view) ? 'goesOn' : view.status === 'Completed' ? 'ok' : 'failed';
  return { show: shownRun(view), value: view, exit };
}

/** The run as it is now; the one before, when the app does not answer just now. */
async function look(
  { signal, terminal }: Given,
  app: AppClient,
  runId: string,
  before: RunView | undefined,
  isNew: boolean,
): Promise<RunView | undefined> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await app.get(runPath(runId), runViewSchema, {}, signal);
    } catch (thrown) {
      const code = thrown instanceof OrdinalError ? thrown.code : undefined;
      const mayPass = (code === 'StorageFailed' && before !== undefined) || (code === 'UnknownRun' && isNew && !before);
      if (!mayPass || performance.now() > until || signal.aborted) throw thrown;
      if (code === 'StorageFailed') terminal.note(`${(thrown as Error).message}; asking again`);
      await delay(POLL_MS_MAX, undefined, { signal });
    }
  }
}

/**
 * How far a run is. The split has batches and rows; later phases have tasks, and what is one task or none has no bar and
 * no time left: only its end is known when it comes.
 */
export function stepOf({
  phase,
  status,
  batches,
  rows,
  tasks = { done: 0, total: 0 },
  waiting,
}: Pick<RunView, 'phase' | 'status' | 'batches' | 'rows' | 'tasks' | 'waiting'>): Step {
  const splits = phase === 'split';
  return {
    label: status === 'Pending' ? 'pending' : phase,
    isPart: true,
    ...(splits ? { ...batches, unit: 'batches' } : { ...tasks, unit: 'tasks' }),
    ...((splits || phase === 'done') && { rows }),
    ...(waiting !== undefined && { note: `waits: ${waiting}` }),
  };
}
