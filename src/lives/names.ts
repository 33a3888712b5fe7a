/**
 * Names of a life's orchestrations and of their instances. Whoever starts or registers them imports this file,
 * orchestrators too, so it must stay pure: no I/O and no clock.
 */
import { type Life, lifeId } from '../storage/names.ts';

/** Of a life itself: its instance ID is `lifeId`. */
export const RUN_ORCHESTRATION = 'run';

/** Of what settles a life that was ended from outside. */
export const TIDY_ORCHESTRATION = 'tidyRun';

/** No run, and no life, can have such a name. */
export function tidyInstanceId(of: Life): string {
  return `${lifeId(of)}~tidy`;
}
