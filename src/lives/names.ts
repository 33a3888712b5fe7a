/** Names of the orchestrations that a life has, and of their instances. Pure: orchestrators import it. */
import { type Life, lifeId } from '../storage/names.ts';

/** Of a life itself: its instance ID is `lifeId`. */
export const RUN_ORCHESTRATION = 'run';

/** Of what settles a life that was ended from outside. */
export const TIDY_ORCHESTRATION = 'tidyRun';

/** No run, and no life, can have such a name. */
export function tidyInstanceId(of: Life): string {
  return `${lifeId(of)}~tidy`;
}
