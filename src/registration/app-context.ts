/**
 * What the registrations of one app share: its pipelines, its settings, and the environment that is made of them.
 * `registerOrdinal` makes one. The environment is opened at the first use and not at load, so that an app whose storage
 * is not configured still starts and answers with an error.
 */
import type { Environment } from '../environment/environment.ts';
import { openEnvironment } from '../environment/open-environment.ts';
import type { PipelineRegistry } from '../pipeline/registry.ts';
import { openThreads } from '../run/activity-threads.ts';

export interface AppContext {
  pipelines: PipelineRegistry;
  /** App settings by name: those given in code, and above them those of the process. */
  settings: Readonly<Record<string, string | undefined>>;
  /**
   * The environment of this process, opened at the first call.
   *
   * @throws OrdinalError `InvalidSettings` that names the setting; the next call tries again.
   */
  environment(): Environment;
}

/**
 * The context of an app. It opens nothing yet.
 *
 * @param module URL of the module that exports the pipelines; without it, no worker threads are used.
 */
export function appContext(pipelines: PipelineRegistry, settings: AppContext['settings'], module?: string): AppContext {
  let opened: Environment | undefined;
  const open = (): Environment => {
    const environment = openEnvironment(settings, pipelines);
    const { config } = environment;
    if (module === undefined || config.threads === 1) return environment;
    return { ...environment, threads: openThreads(config.threads, module, config) };
  };
  const environment = () => {
    opened ??= open();
    return opened;
  };
  return { pipelines, settings, environment };
}
