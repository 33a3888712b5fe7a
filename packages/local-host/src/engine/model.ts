/**
 * The vocabulary of the durable engine: instances, history, messages, and the changes that one transaction commits. All
 * of the host uses it. Everything is plain JSON: the store keeps exactly what these types say.
 */

export type RuntimeStatus =
  | 'Pending'
  | 'Running'
  | 'Completed'
  | 'ContinuedAsNew'
  | 'Failed'
  | 'Canceled'
  | 'Terminated'
  | 'Suspended';

export const runtimeStatuses: readonly RuntimeStatus[] = [
  'Running',
  'Completed',
  'ContinuedAsNew',
  'Failed',
  'Canceled',
  'Terminated',
  'Pending',
  'Suspended',
];

export function isTerminal(status: RuntimeStatus): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Terminated' || status === 'Canceled';
}

/** Which task of which execution a sub-orchestration reports to. */
export interface ParentLink {
  instanceId: string;
  executionId: string;
  taskId: number;
  name: string;
}

export interface InstanceRecord {
  instanceId: string;
  executionId: string;
  name: string;
  version: string;
  status: RuntimeStatus;
  /** JSON text, or null for no input. */
  input: string | null;
  /** JSON text of a completed instance's output; plain text of a failure or a termination. */
  output: string | null;
  /** JSON text. */
  customStatus: string | null;
  /** Milliseconds since 1970. */
  createdAt: number;
  updatedAt: number;
  parent: ParentLink | null;
}

export interface EntityLock {
  /** The orchestration that holds the lock. */
  instanceId: string;
  lockId: string;
}

export interface EntityRecord {
  /** `@name@key`, the name in lower case. */
  entityId: string;
  exists: boolean;
  /** JSON text as the SDK returned it. */
  state: string | null;
  lockedBy: EntityLock | null;
  updatedAt: number;
}

/** Event types as the SDK numbers them (DurableTask.Core HistoryEventType). */
export const eventType = {
  executionStarted: 0,
  executionCompleted: 1,
  executionFailed: 2,
  executionTerminated: 3,
  taskScheduled: 4,
  taskCompleted: 5,
  taskFailed: 6,
  subOrchestrationCreated: 7,
  subOrchestrationCompleted: 8,
  subOrchestrationFailed: 9,
  timerCreated: 10,
  timerFired: 11,
  orchestratorStarted: 12,
  orchestratorCompleted: 13,
  eventSent: 14,
  eventRaised: 15,
  continueAsNew: 16,
  executionSuspended: 19,
  executionResumed: 20,
} as const;

/** Links between the attempts of a call with retries in a history, for a rewind. The SDK ignores them. */
export interface RetryMarks {
  /** On a retry's timer: the task ID of the attempt that failed before it. */
  RetryFor?: number;
  /** On an attempt that is not the first: the task ID of the timer before it. */
  RetryAfter?: number;
}

/** A history event as the SDK reads it; field names are the wire's. */
export interface HistoryEvent extends RetryMarks {
  EventType: number;
  /** The task's ID on scheduling events, -1 on all others. */
  EventId: number;
  IsPlayed: boolean;
  Timestamp: string;
  Name?: string;
  Version?: string | null;
  Input?: string | null;
  Result?: string | null;
  Reason?: string | null;
  Details?: string | null;
  FailureDetails?: unknown;
  TaskScheduledId?: number;
  TimerId?: number;
  FireAt?: string;
  InstanceId?: string;
  OrchestrationStatus?: RuntimeStatus;
  [field: string]: unknown;
}

/** A completion before it has a place and a time in a history. */
export type Completion =
  | { EventType: 5 | 8; TaskScheduledId: number; Result: string | null }
  | { EventType: 6 | 9; TaskScheduledId: number; Reason: string; Details: string; FailureDetails: unknown }
  | { EventType: 11; TimerId: number; FireAt: string };

/** An operation or lock request as entities receive it (the extension's RequestMessage). */
export interface EntityRequest {
  id: string;
  op?: string;
  signal?: boolean;
  /** JSON text. */
  input?: string;
  /** The calling orchestration; absent for a client's signal and for another entity's. */
  parent?: string;
  parentExecution?: string;
  due?: string;
  lockset?: { name: string; key: string }[];
  pos?: number;
}

export type Message =
  | { kind: 'started'; executionId: string; carriedEvents: { name: string; input: string | null }[] }
  | { kind: 'completion'; executionId: string; event: Completion }
  | { kind: 'event'; name: string; input: string | null; executionId?: string }
  | { kind: 'terminate' | 'suspend' | 'resume'; reason: string }
  | { kind: 'rewind'; reason: string }
  | { kind: 'operation'; request: EntityRequest }
  | { kind: 'release'; lockId: string; parent: string };

export interface StoredMessage {
  /** Order of arrival, unique in the store. */
  seq: number;
  target: string;
  /** Not to be delivered before this time (milliseconds since 1970); 0 = at once. */
  visibleAt: number;
  message: Message;
}

/** An activity that waits, runs, or ran without a committed result. After a crash these three cases are the same. */
export interface ActivityWork {
  seq: number;
  instanceId: string;
  executionId: string;
  taskId: number;
  name: string;
  /** What the activity trigger gets as RPC string; null for no input. */
  input: string | null;
  /** Not to be run before this time (milliseconds since 1970). @default at once */
  notBefore?: number;
}

/** When a timer function last ran and runs next (milliseconds since 1970), as the timer extension remembers it. */
export interface TimerStatus {
  /** Undefined: it never ran. */
  last?: number;
  next: number;
  /** The time from which `next` was computed. */
  lastUpdated: number;
}

export type Change =
  | { type: 'putInstance'; record: InstanceRecord }
  | { type: 'deleteInstance'; instanceId: string }
  | { type: 'appendHistory'; instanceId: string; from: number; events: string[] }
  | { type: 'clearHistory'; instanceId: string }
  | { type: 'putEntity'; record: EntityRecord }
  | { type: 'deleteEntity'; entityId: string }
  | { type: 'send'; target: string; visibleAt: number; message: Message }
  | { type: 'consume'; seqs: number[] }
  | { type: 'clearInbox'; target: string }
  | { type: 'addWork'; work: Omit<ActivityWork, 'seq'> }
  | { type: 'removeWork'; seq: number }
  | { type: 'putTimer'; name: string; status: TimerStatus };

/** What is injected because it is not pure: the clock and the source of unique IDs. */
export interface Ports {
  /** Milliseconds since 1970. */
  now(): number;
  /** A new UUID. */
  newId(): string;
}

/** Which functions the app has; names compare without case, as the extension compares them. */
export interface FunctionNames {
  orchestrator(name: string): string | undefined;
  activity(name: string): string | undefined;
  entity(name: string): string | undefined;
  known(kind: 'orchestrator' | 'activity' | 'entity'): string[];
}

export function entityId(name: string, key: string): string {
  return `@${name.toLowerCase()}@${key}`;
}

/** Splits `@name@key`; undefined when `id` is not an entity's. */
export function parseEntityId(id: string): { name: string; key: string } | undefined {
  if (!id.startsWith('@')) return undefined;
  const at = id.indexOf('@', 1);
  if (at < 0) return undefined;
  return { name: id.slice(1, at).toLowerCase(), key: id.slice(at + 1) };
}
