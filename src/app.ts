/**
 * `registerOrdinal`: the one call by which an app becomes Ordinal. An app's entry makes it at load, before the host asks
 * for its functions. It registers and checks; it reads no blob and opens no connection.
 */
import './peers.ts';
import { mergeSettings, type OrdinalSettings } from './environment/app-settings.ts';
import { OrdinalError } from './errors.ts';
import type { PipelineDefinition } from './pipeline/definition.ts';
import { type PipelineRegistry, registerPipelines } from './pipeline/registry.ts';
import { registerActivities } from './registration/activities.ts';
import { appContext } from './registration/app-context.ts';
import { registerArrival } from './registration/arrival.ts';
import { registerHousekeeping } from './registration/housekeeping.ts';
import { registerHttp } from './registration/http.ts';
import { registerMonitor } from './registration/monitor.ts';
import { registerOrchestrations } from './registration/orchestrations.ts';
import { registerSchedules } from './registration/schedule.ts';

/** What an app is made of. */
export interface OrdinalOptions {
  /** What the pipelines' modules export: a list, or what `registerPipelines` made of it. */
  pipelines: readonly PipelineDefinition[] | PipelineRegistry;
  /**
   * URL of a module whose export `pipelines` is the same. Worker threads load it, so that a run that fits one process
   * uses all of its cores; `ORDINAL_THREADS` says how many. @default none: such a run has one thread
   */
  pipelinesModule?: string | URL;
  /** App settings by name, for what the environment does not set. @default none */
  settings?: OrdinalSettings;
}

let registered = false;

/**
 * Registers every function of Ordinal with the Functions host: HTTP, arriving blobs, schedules, orchestrations, activities, entities
 * and housekeeping. Call it once, at the top of the app's entry, which `main` of its package.json names.
 * @param options the app's pipelines, and settings in code
 * @throws `InvalidPipeline` without pipelines, for a pipeline that is wrong, for two of one name or two that do not go
 *   together; `InvalidSettings` for a setting that is not known, and for a second call
 * @example
 * registerOrdinal({ pipelines: [tickets] });
 */
export function registerOrdinal(options: OrdinalOptions): void {
  try {
    register(options);
  } catch (thrown) {
    // The host prints the stack. Where it was noticed helps nobody: what is wrong and what to do does.
    if (thrown instanceof OrdinalError)
      thrown.stack = [`${thrown.code}: ${thrown.message}`, thrown.remedy].filter(Boolean).join('\n');
    throw thrown;
  }
}

function register({ pipelines, pipelinesModule, settings = {} }: Partial<OrdinalOptions> = {}): void {
  if (registered) {
    throw new OrdinalError('InvalidSettings', 'registerOrdinal was called twice', {
      remedy: 'Give all pipelines of the app to one call.',
    });
  }
  const merged = mergeSettings(settings, process.env);
  const context = appContext(registryOf(pipelines), merged, pipelinesModule?.toString());
  registered = true;
  registerHttp(context);
  registerMonitor();
  registerArrival(context);
  registerSchedules(context);
  registerOrchestrations();
  registerActivities(context);
  registerHousekeeping(context);
}

function registryOf(pipelines: OrdinalOptions['pipelines'] | undefined): PipelineRegistry {
  const given =
    pipelines instanceof Map ? pipelines : Array.isArray(pipelines) ? registerPipelines(pipelines) : undefined;
  if (given !== undefined && given.size > 0) return given;
  throw new OrdinalError('InvalidPipeline', 'registerOrdinal was given no pipelines', {
    where: { field: 'pipelines' },
    remedy: 'Give it a list of what pipeline() made: registerOrdinal({ pipelines: [flights] }).',
  });
}
