/**
 * The interface of a store: everything the host remembers. The engine uses it; `memory.ts` and `sqlite.ts` implement
 * it, and both must pass the same tests.
 */
import type {
  ActivityWork,
  Change,
  EntityRecord,
  InstanceRecord,
  RuntimeStatus,
  StoredMessage,
  TimerStatus,
} from '../engine/model.ts';

/** A filter over instances; a page begins after the instance ID in `after` (instances are listed in ID order). */
export interface InstanceQuery {
  idPrefix?: string;
  createdFrom?: number;
  createdTo?: number;
  statuses?: RuntimeStatus[];
  after?: string;
  limit: number;
}

export interface EntityQuery {
  /** Lower-case entity name. */
  name?: string;
  updatedFrom?: number;
  updatedTo?: number;
  after?: string;
  limit: number;
}

/** What got a number in a commit: the messages sent and the activities added, in the order of the changes. */
export interface Committed {
  sent: { target: string; visibleAt: number }[];
  work: ActivityWork[];
}

/**
 * The host's state. It is synchronous on purpose: one process owns the state, and an episode's changes are one
 * transaction that happened as a whole or not at all. Every implementation passes the same tests.
 */
export interface Store {
  /** Applies all changes or none. */
  commit(changes: readonly Change[]): Committed;

  instance(instanceId: string): InstanceRecord | undefined;
  instances(query: InstanceQuery): InstanceRecord[];
  /** Events as JSON texts, oldest first. */
  history(instanceId: string): string[];

  entity(entityId: string): EntityRecord | undefined;
  entities(query: EntityQuery): EntityRecord[];

  /** Messages for `target` that are due at `now`, in order of arrival. */
  inbox(target: string, now: number, limit: number): StoredMessage[];
  /** Targets with any message, and when the first of them is due. For start-up. */
  waitingTargets(): { target: string; visibleAt: number }[];
  /** Every activity without a committed result. For start-up. */
  pendingWork(): ActivityWork[];
  /** Whether this activity's result is still wanted (it is not when a duplicate delivery came first). */
  hasWork(seq: number): boolean;

  /** What is remembered of a timer function's schedule. */
  timer(name: string): TimerStatus | undefined;

  close(): void;
}
