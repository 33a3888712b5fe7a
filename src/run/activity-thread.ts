/**
 * A worker thread of `activity-threads.ts`: runs the activities that it is sent, one at a time, and answers each with its
 * result. It loads the app's pipelines by itself, for functions do not cross threads. It must never open a store.
 */
import { type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads';
import type { Config } from '../environment/config.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError, toErrorValue } from '../errors.ts';
import type { PipelineDefinition } from '../pipeline/definition.ts';
import { type PipelineRegistry, registerPipelines } from '../pipeline/registry.ts';
import { resolveKeys } from '../resolve/activity.ts';
import { splitBatch } from '../split/activity.ts';
import { forgetAllMemory } from '../split/run-memory.ts';
import { type GivenBlob, storeBehind } from '../storage/store-port.ts';

/** What a thread is started with. */
export interface ThreadData {
  /** URL of the module that exports the pipelines. */
  module: string;
  config: Config;
}

/** `rest`: the splits of a run are over. */
export type ThreadMessage =
  | 'rest'
  | { activity: string; input: object; work: number; given: readonly GivenBlob[]; store: MessagePort };

const activities = [splitBatch, resolveKeys];

const { module, config: shared } = workerData as ThreadData;
/** Times of tasks tell the threads of a process apart. */
const config = { ...shared, worker: `${shared.worker}/${threadId}` };
const loading = loadPipelines();
/** The environment of the work that this thread was at last: what was read for it is kept beside it. */
let last: { work: number; environment: Environment } | undefined;

parentPort!.on('message', (message: ThreadMessage) => {
  if (message === 'rest') forgetAllMemory();
  else void perform(message).then((result) => parentPort!.postMessage(result));
});

async function perform({
  activity,
  input,
  work,
  given,
  store: port,
}: Exclude<ThreadMessage, 'rest'>): Promise<unknown> {
  try {
    const store = storeBehind(port, given);
    if (last?.work === work) last.environment.store = store;
    else last = { work, environment: { store, config, pipelines: await loading, workInMemory: true } };
    const found = activities.find(({ name }) => name === activity);
    invariant(found, `activity "${activity}" runs in threads`);
    return await found.run(last.environment, input);
  } catch (thrown) {
    return { ok: false, error: toErrorValue(thrown) };
  } finally {
    port.close();
  }
}

async function loadPipelines(): Promise<PipelineRegistry> {
  const { pipelines } = (await import(module)) as { pipelines?: PipelineRegistry | readonly PipelineDefinition[] };
  if (pipelines instanceof Map) return pipelines;
  if (Array.isArray(pipelines)) return registerPipelines(pipelines);
  throw new OrdinalError('InvalidSettings', `"${module}" does not export pipelines`, {
    remedy: 'Give registerOrdinal the module that exports its pipelines as `pipelines`.',
  });
}
