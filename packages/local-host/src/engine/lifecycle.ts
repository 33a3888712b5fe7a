/**
 * The changes that end an instance: its record, its locks, the message to its parent. The engine calls it. Every end
 * must go through it, so that no lock is kept and no parent waits for ever.
 */
import type { Engine } from './engine.ts';
import { type Change, eventType, type InstanceRecord, type Message, type ParentLink } from './model.ts';

export interface Ending {
  status: InstanceRecord['status'];
  output: string | null;
  now: number;
  /** Told to the parent, whose task fails with them. */
  failureDetails?: unknown;
}

/**
 * The changes that end an instance: they update its record, give its locks back, tell its parent and drop its messages.
 */
export function completeInstance(
  _engine: Engine,
  record: InstanceRecord,
  ending: Ending,
  locks: readonly { lockId: string; targets: string[] }[],
): Change[] {
  const { instanceId } = record;
  const ended: InstanceRecord = { ...record, status: ending.status, output: ending.output, updatedAt: ending.now };
  return [
    { type: 'clearInbox', target: instanceId },
    { type: 'putInstance', record: ended },
    ...releaseLocks(instanceId, locks),
    ...(record.parent === null ? [] : reportToParent(record.parent, ending)),
  ];
}

/** Gives back what an instance has locked or asked to lock. */
export function releaseLocks(instanceId: string, locks: readonly { lockId: string; targets: string[] }[]): Change[] {
  return locks.flatMap(({ lockId, targets }) =>
    targets.map((target): Change => {
      const message: Message = { kind: 'release', lockId, parent: instanceId };
      return { type: 'send', target, visibleAt: 0, message };
    }),
  );
}

/** Tells the parent how its sub-orchestration ended. */
export function reportToParent(parent: ParentLink, ending: Omit<Ending, 'now'>): Change[] {
  const { instanceId, executionId, taskId } = parent;
  const failed = ending.status !== 'Completed';
  const reason = ending.output ?? '';
  const message: Message = {
    kind: 'completion',
    executionId,
    event: failed
      ? {
          EventType: eventType.subOrchestrationFailed,
          TaskScheduledId: taskId,
          Reason: reason,
          Details: ending.status === 'Failed' ? `Message: ${reason}, StackTrace: ` : '',
          FailureDetails: ending.failureDetails ?? null,
        }
      : { EventType: eventType.subOrchestrationCompleted, TaskScheduledId: taskId, Result: ending.output },
  };
  return [{ type: 'send', target: instanceId, visibleAt: 0, message }];
}
