/**
 * Texts that mark a fault which this host reports and Azure does not. Where Azure would hang, or corrupt an instance
 * without a message, this host fails the instance with a text that begins with `[local-host]`. The whole engine uses
 * it; the package's README lists the codes.
 */

/**
 * Where Azure would hang or corrupt an instance without a message, this host fails it with a text that begins with this
 * tag. the package's README lists the codes.
 */
export const diagnosticTag = '[local-host]';

export type DiagnosticCode =
  | 'TaskReused'
  | 'RetryInsideTaskAll'
  | 'RetryNeverResumes'
  | 'EmptyError'
  | 'NothingToWaitFor'
  | 'UnknownFunction'
  | 'PayloadTooLarge'
  | 'Unsupported';

export function diagnostic(code: DiagnosticCode, text: string): string {
  return `${diagnosticTag} ${code}: ${text}`;
}

/** Thrown inside the walk over an orchestrator's actions; its message becomes the instance's failure. */
export class OrchestrationFault extends Error {}
