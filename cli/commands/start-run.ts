/**
 * Starting a run from the command line, and what is said of it: a line, or its progress to the end. Called by the commands
 * that start runs. It must never start a run in another way than the HTTP API does.
 */
import type { z } from 'zod';
import { startedSchema } from '../../src/http/schemas.ts';
import type { Given, Result } from '../command.ts';
import { followRun } from './follow-run.ts';

/** How a command waits for a run. */
interface Waiting {
  wait?: boolean | undefined;
  /** Milliseconds. */
  timeout?: number | undefined;
}

/** Starts a run by the app's API; `body` is the request's. */
export async function startRunOf(given: Given, pipeline: string, body: object, waiting: Waiting): Promise<Result> {
  const path = `pipelines/${encodeURIComponent(pipeline)}/runs`;
  const app = await given.app();
  const { body: started } = await app.call('POST', path, startedSchema, { body, signal: given.signal });
  return await afterStart(given, started, waiting);
}

/** Shows what was started, or follows it. */
export async function afterStart(
  given: Given,
  started: z.infer<typeof startedSchema>,
  { wait, timeout }: Waiting,
): Promise<Result> {
  const { runId, pipeline, created } = started;
  if (wait) {
    given.terminal.note(`run ${runId} of ${pipeline}`);
    return await followRun(given, runId, { timeout, isNew: true });
  }
  const line = created
    ? `Run ${runId} of ${pipeline} is on its way.`
    : `Run ${runId} of ${pipeline} was there already: nothing was started.`;
  return {
    show: [line, `${created ? 'Follow it' : 'See it'}: ${given.program} runs watch ${runId}`],
    value: started,
  };
}
