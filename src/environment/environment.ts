/**
 * The environment that activities work with: one store, one configuration and the registered pipelines. All phases take
 * it; `open-environment.ts` opens it. This file must not import the storage SDK, so that pipelines run in memory without it.
 */

import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { BlobStore } from '../storage/store.ts';
import type { GivenBlob } from '../storage/store-port.ts';
import type { Config } from './config.ts';

/** An activity for another thread. */
export interface ThreadTask {
  /** Name of the activity. */
  activity: string;
  input: object;
  /** The work that it is part of, by its number in this process: what a thread keeps in memory is of one work. */
  work: number;
  /** What the activity works with; it stays in the caller's thread. */
  store: BlobStore;
  /** Source blobs that the activity will ask for. Their memory goes to the thread. */
  given: readonly GivenBlob[];
}

/** Worker threads of this process that run activities. */
export interface ActivityThreads {
  /** Activities that run side by side. */
  readonly width: number;
  /** Runs an activity. Gives what its `run` gives; throws when the thread ends. */
  run(task: ThreadTask): Promise<unknown>;
  /** The splits of a run are over: gives back the memory that they share. */
  rest(): void;
}

export interface Environment {
  store: BlobStore;
  config: Config;
  pipelines: ReadonlyMap<string, CompiledPipeline>;
  /** Work in progress stays in this process's memory, where to compress it costs more than it saves. */
  workInMemory?: true;
  /** Threads for the work of a short run. @default none: it has the caller's thread alone */
  threads?: ActivityThreads;
  /** The process's clock. @default the system's */
  now?: () => Date;
}

/** The time by the process's clock. No name and no published byte may depend on it. */
export function nowOf({ now }: Environment): Date {
  return now?.() ?? new Date();
}

/** @throws OrdinalError `InvalidSettings` when a setting of pipelines by name names one that is not registered. */
export function refuseUnknown(setting: string, given: object, pipelines: Environment['pipelines']): void {
  const unknown = Object.keys(given).find((name) => !pipelines.has(name));
  if (unknown === undefined) return;
  const known = [...pipelines.keys()].join(', ');
  const message = `setting ${setting}: there is no pipeline "${unknown}"; there are: ${known}`;
  throw new OrdinalError('InvalidSettings', message, {
    where: { field: setting },
    remedy: `Correct it in the app settings, or in local.settings.json. ${didYouMean(unknown, pipelines.keys())}`,
  });
}

/** A pipeline by its name. @throws OrdinalError `UnknownPipeline` when it is not registered. */
export function pipelineOf(environment: Pick<Environment, 'pipelines'>, name: string): CompiledPipeline {
  const pipeline = environment.pipelines.get(name);
  if (pipeline) return pipeline;
  const known = [...environment.pipelines.keys()].join(', ');
  const asked = name.slice(0, 100);
  throw new OrdinalError('UnknownPipeline', `there is no pipeline "${asked}"; there are: ${known}`, {
    where: { pipeline: asked },
    remedy: `Correct the name, or register the pipeline in pipelines/index.ts. ${didYouMean(asked, environment.pipelines.keys())}`,
  });
}
