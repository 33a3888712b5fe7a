/** Names of the orchestrations that a life has, and of their instances. Pure: orchestrators import it. */
import type { ErrorValue } from '../errors.ts';
import { type Life, lifeId } from '../storage/names.ts';

/** Of a life itself: its instance ID is `lifeId`. */
export const RUN_ORCHESTRATION = 'run';

/** Of what settles a life that was ended from outside. */
export const TIDY_ORCHESTRATION = 'tidyRun';

/** No run, and no life, can have such a name. */
export function tidyInstanceId(of: Life): string {
  return `${lifeId(of)}~tidy`;
}

/** Why a run was ended from outside, as the text that its instance keeps: a code may stand before it. */
export function endReason(code: 'DeadlineExceeded', message: string): string {
  return `${code}: ${message}`;
}

/** The error of a run that was ended from outside. */
export function endedError(reason: string): ErrorValue {
  const [, message] = /^DeadlineExceeded: (.*)$/s.exec(reason) ?? [];
  if (message !== undefined) return { code: 'DeadlineExceeded', message, retryable: false };
  return { code: 'RunCanceled', message: reason || 'the run was ended without a reason', retryable: false };
}
