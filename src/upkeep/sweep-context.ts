/**
 * What the parts of a sweep share: what they may use, what they count, and how blobs are removed. `sweep.ts` and
 * `sweep-lives.ts` use it. It must remove nothing but work in progress, receipts, selection lists, claims, starts and timelines. Files
 * that a manifest names are in another place.
 */
import type { DurableRuns } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { type Log, logEvent } from '../environment/telemetry.ts';
import { invariant, toErrorValue } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { makeUpTables } from '../tables/activity.ts';

export interface Sweep {
  environment: Environment;
  runs: DurableRuns;
  log: Log;
  now: () => Date;
}

export interface Swept {
  /** Runs that were past their deadline and were ended. */
  ended: number;
  /** Dead runs that are being settled. */
  settling: number;
  /** Runs that were claimed and not started, and that the sweep started. */
  started: number;
  /** Instances that were removed from the durable history. */
  purged: number;
  /** Blobs that were removed. */
  removed: number;
  /** False when the time was up before all was done. The next sweep continues. */
  complete: boolean;
}

/** Makes up a pipeline's views and tables. False, with a line in the log, when that fails. */
export async function madeUp(
  { environment, log }: Sweep,
  pipeline: CompiledPipeline,
  event: string,
  said: Record<string, string>,
): Promise<boolean> {
  try {
    await makeUpTables(environment, pipeline);
    return true;
  } catch (thrown) {
    const { code, message } = toErrorValue(thrown);
    logEvent(log, event, { ...said, code, message }, 'warn');
    return false;
  }
}

export async function remove({ environment }: Sweep, swept: Swept, list: readonly string[]): Promise<void> {
  const { store, config, pipelines } = environment;
  const published = [...pipelines.values()].filter(({ output }) => output.container === config.workContainer);
  await mapBounded(list, config.requestsInFlight, async (name) => {
    invariant(
      /^(runs|selections|arrivals|lives|backfills|starts|timelines)\//.test(name),
      `"${name}" is work in progress`,
    );
    // Outputs may be in the work container too, in a folder of any name.
    if (published.some(({ output }) => name.startsWith(output.prefix))) return;
    if (await store.remove(config.workContainer, name)) swept.removed++;
  });
}
