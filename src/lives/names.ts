/**
 * Names of a life's orchestrations and of their instances. Whoever starts or registers them imports this file,
 * orchestrators too, so it must stay pure: no I/O and no clock.
 */
import { type Life, lifeId } from '../storage/names.ts';

/** Name of the orchestration of a life. Its instance ID is `lifeId`. */
export const RUN_ORCHESTRATION = 'run';

/** Name of the orchestration that settles a life which was ended from outside. */
export const TIDY_ORCHESTRATION = 'tidyRun';

/** Instance ID of that orchestration. No run and no life can have this name. */
export function tidyInstanceId(of: Life): string {
  return `${lifeId(of)}~tidy`;
}
