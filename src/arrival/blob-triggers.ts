/**
 * Decides which blob triggers the app has: one for each pipeline that arriving blobs start. `src/registration/arrival.ts`
 * calls it once, when the app loads. It must refuse a pipeline that reads from the work container, because the files
 * that its runs write would start further runs.
 */

import { type Environment, refuseUnknown } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { type ArrivalMode, arrivalOf } from '../pipeline/arrival.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';

export interface ArrivalDoor {
  /** Name of the function; the Event Grid subscription names it too. */
  functionName: string;
  /** Container and pattern of names. */
  path: string;
  pipeline: CompiledPipeline;
  mode: ArrivalMode;
}

/**
 * The blob triggers of the app.
 *
 * @returns one entry for each pipeline that arriving blobs start.
 * @throws OrdinalError `InvalidSettings` when `ORDINAL_ARRIVAL` names a pipeline that does not exist.
 * @throws OrdinalError `InvalidPipeline` when a pipeline's source is the work container.
 */
export function arrivalDoors({ config, pipelines }: Pick<Environment, 'config' | 'pipelines'>): ArrivalDoor[] {
  refuseUnknown('ORDINAL_ARRIVAL', config.arrivals, pipelines);
  return [...pipelines.values()].flatMap((pipeline): ArrivalDoor[] => {
    const mode = arrivalOf(pipeline, config.arrivals);
    if (!mode) return [];
    const { name, source } = pipeline;
    if (source.container === config.workContainer) {
      throw new OrdinalError(
        'InvalidPipeline',
        `pipeline ${name}: its source is the work container, so files that runs write there would start further runs`,
        {
          where: { pipeline: name, field: 'source.container' },
          remedy: 'Give it another container, or set ORDINAL_WORK_CONTAINER to another one.',
        },
      );
    }
    return [{ functionName: `arrive-${name}`, path: `${source.container}/${source.prefix}{name}`, pipeline, mode }];
  });
}
