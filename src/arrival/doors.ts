/** Which blob triggers the app has: one for each pipeline that is to be started by arrivals. */
import type { ArrivalMode } from '../config.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { Environment } from '../run/environment.ts';

export interface ArrivalDoor {
  /** Name of the function; the Event Grid subscription names it too. */
  functionName: string;
  /** Container and pattern of names. */
  path: string;
  pipeline: CompiledPipeline;
  mode: ArrivalMode;
}

/** Throws `InvalidSettings` for a pipeline that does not exist, or whose source lies where runs work. */
export function arrivalDoors({ config, pipelines }: Pick<Environment, 'config' | 'pipelines'>): ArrivalDoor[] {
  return Object.entries(config.arrivals).map(([name, mode]) => {
    const pipeline = pipelines.get(name);
    const fault = !pipeline
      ? `there is no pipeline "${name}"; there are: ${[...pipelines.keys()].join(', ')}`
      : pipeline.source.container === config.workContainer
        ? `the source of "${name}" is the work container: what runs leave there would start runs`
        : undefined;
    if (!pipeline || fault) {
      throw new OrdinalError('InvalidSettings', `setting ORDINAL_ARRIVAL: ${fault}`, {
        where: { field: 'ORDINAL_ARRIVAL' },
        remedy: 'Correct it in the app settings, or in local.settings.json.',
      });
    }
    const { container, prefix } = pipeline.source;
    return { functionName: `arrive-${name}`, path: `${container}/${prefix}{name}`, pipeline, mode };
  });
}
