/**
 * The interface to the durable client that Ordinal needs, and the texts by which an instance is ended. `functions/` has
 * the adapter for the real SDK, so another SDK version changes only that file. This file imports no SDK.
 */
import type { ErrorValue } from '../errors.ts';
export const instanceStatuses = [
  'Pending',
  'Running',
  'ContinuedAsNew',
  'Suspended',
  'Completed',
  'Failed',
  'Terminated',
  'Canceled',
] as const;
export type InstanceStatus = (typeof instanceStatuses)[number];

export interface Instance {
  instanceId: string;
  name: string;
  status: InstanceStatus;
  createdAt: Date;
  updatedAt: Date;
  input: unknown;
  customStatus: unknown;
  output: unknown;
  /** When its end was asked for from outside, where the claim says so: the client's own times are of whole seconds. */
  endAskedAt?: Date;
}

export interface InstanceFilter {
  status?: readonly InstanceStatus[];
  createdFrom?: Date;
  createdTo?: Date;
  /** The token of the page before. */
  continuation?: string;
  /** The most instances of one page: 1 to 1000. */
  top: number;
}

export interface InstancePage {
  instances: Instance[];
  /** Undefined after the last page. A page may be empty although it is not the last. */
  continuation?: string;
}

export interface DurableRuns {
  /** Starts an orchestration. False when an instance of this ID is alive already. */
  start(name: string, instanceId: string, input: object): Promise<boolean>;
  /** Undefined when there is no such instance. */
  get(instanceId: string): Promise<Instance | undefined>;
  /** One page of instances, shards included, in no fixed order. */
  list(filter: InstanceFilter): Promise<InstancePage>;
  /**
   * Ends an instance from outside; it may still run for a short time. Does nothing when it has ended or does not exist.
   */
  terminate(instanceId: string, reason: string): Promise<void>;
  /** Removes an ended instance and its history. False when there was none. */
  purge(instanceId: string): Promise<boolean>;
  /** The state of an entity; undefined when it does not exist. */
  entity(name: string, key: string): Promise<unknown>;
}

export const endedStatuses = ['Completed', 'Failed', 'Terminated', 'Canceled'] as const satisfies InstanceStatus[];
const ENDED: ReadonlySet<InstanceStatus> = new Set(endedStatuses);

export function hasEnded(instance: Instance): boolean {
  return ENDED.has(instance.status);
}

/** The error of a run that was ended from outside. */
export function endedError(reason: string): ErrorValue {
  const [, message] = /^DeadlineExceeded: (.*)$/s.exec(reason) ?? [];
  if (message !== undefined) return { code: 'DeadlineExceeded', message, retryable: false };
  return { code: 'RunCanceled', message: reason || 'the run was ended without a reason', retryable: false };
}

/** The reason with which a run is ended from outside, as a text that begins with an error code. */
export function endReason(code: 'DeadlineExceeded', message: string): string {
  return `${code}: ${message}`;
}
