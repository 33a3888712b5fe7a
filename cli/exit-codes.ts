/**
 * The exit codes of the command, and which error leads to which. `main.ts` ends with them, and docs/cli.md lists them. A
 * code never changes its meaning: scripts depend on it.
 */
import type { ErrorCode } from '../src/errors.ts';

export const exitCodes = {
  ok: { code: 0, means: 'Done, and all is in order.' },
  failed: { code: 1, means: 'Refused or failed; or what was looked at is not in order: a run that failed, a finding.' },
  usage: { code: 2, means: 'The command line is not understood. Nothing was done.' },
  setUp: { code: 3, means: 'The app or the storage was not reached, or refused access; or a setting is wrong.' },
  unknown: { code: 4, means: 'There is no run, pipeline, sequence, key index, backfill or file of that name.' },
  goesOn: { code: 5, means: 'The time that `--timeout` gives has passed, and the run goes on.' },
  interrupted: { code: 130, means: 'Ended by Ctrl-C. A run that was watched goes on.' },
} as const;

export type Exit = keyof typeof exitCodes;

const exitOf: Partial<Record<ErrorCode, Exit>> = {
  InvalidSettings: 'setUp',
  StorageFailed: 'setUp',
  UnknownPipeline: 'unknown',
  UnknownRun: 'unknown',
  UnknownSequence: 'unknown',
  UnknownIndex: 'unknown',
  UnknownBackfill: 'unknown',
  SourceEmpty: 'unknown',
  UnknownRoute: 'setUp',
};

/** The way in which the command ends after an error of this code. */
export function exitAfter(code: ErrorCode): Exit {
  return exitOf[code] ?? 'failed';
}
