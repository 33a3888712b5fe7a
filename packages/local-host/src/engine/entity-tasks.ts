/**
 * Issues an orchestrator's actions on entities: calls, signals, locks and their release. `tasks.ts` calls it. A lock
 * must be given back when the instance ends, so each one is noted in the cursor.
 */
import type { Action } from './actions.ts';
import type { ActionCursor } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import { requireFunction } from './known-function.ts';
import { type EntityRequest, entityId, eventType, type HistoryEvent, parseEntityId } from './model.ts';
import { completedTask, finish, newTask, type Task } from './task.ts';

/** A call: one EventSent, answered by an EventRaised that is named after the request. */
export function startEntityCall(cursor: ActionCursor, action: Action): Task {
  const task = newTask();
  const event = sendOperation(cursor, action, false);
  cursor.awaitEvent(requestId(event), () => finish(task, false));
  return task;
}

export function startSignal(cursor: ActionCursor, action: Action): Task {
  sendOperation(cursor, action, true);
  return completedTask();
}

function sendOperation(cursor: ActionCursor, action: Action, signal: boolean): HistoryEvent {
  const target = parseEntityId(action.instanceId ?? '');
  if (target === undefined) {
    throw new OrchestrationFault(diagnostic('Unsupported', `'${action.instanceId}' is not an entity ID`));
  }
  requireFunction(cursor, 'entity', target.name);
  const id = entityId(target.name, target.key);
  const { event } = cursor.issue(eventType.eventSent, 'op', () => {
    const { instanceId, executionId, newId } = cursor.options;
    const request: EntityRequest = {
      id: newId(),
      op: action.operation ?? '',
      ...(signal && { signal: true }),
      ...(action.input !== undefined && action.input !== null && { input: JSON.stringify(action.input) }),
      parent: instanceId,
      parentExecution: executionId,
    };
    return {
      fields: { InstanceId: id, Name: 'op', Input: JSON.stringify(request) },
      outgoing: { kind: 'operation', target: id, request },
    };
  });
  return event;
}

/** A lock on several entities: the request visits them in order; the last one answers. */
export function startLock(cursor: ActionCursor, action: Action): Task {
  const task = newTask();
  const lockset = (action.lockSet ?? []).map(({ name, key }) => ({ name: name.toLowerCase(), key }));
  const first = lockset[0];
  if (first === undefined) throw new OrchestrationFault(diagnostic('Unsupported', 'a lock on no entity'));
  for (const { name } of lockset) requireFunction(cursor, 'entity', name);
  const { event } = cursor.issue(eventType.eventSent, 'op', () => {
    const { instanceId, executionId, newId } = cursor.options;
    const id = action.lockRequestId ?? newId();
    const request: EntityRequest = { id, lockset, pos: 0, parent: instanceId, parentExecution: executionId };
    const target = entityId(first.name, first.key);
    return {
      fields: { InstanceId: target, Name: 'op', Input: JSON.stringify(request) },
      outgoing: { kind: 'operation', target, request },
    };
  });
  const lockId = requestId(event);
  const lock = { lockId, targets: lockset.map(({ name, key }) => entityId(name, key)), acquired: false };
  cursor.locks.push(lock);
  cursor.awaitEvent(lockId, () => {
    lock.acquired = true;
    finish(task, false);
  });
  return task;
}

/** Gives back every held lock: one EventSent for each entity. */
export function startRelease(cursor: ActionCursor): Task {
  for (const { lockId, targets } of cursor.locks) {
    for (const target of targets) {
      cursor.issue(eventType.eventSent, 'release', () => ({
        fields: {
          InstanceId: target,
          Name: 'release',
          Input: JSON.stringify({ parent: cursor.options.instanceId, id: lockId }),
        },
        outgoing: { kind: 'release', target, lockId },
      }));
    }
  }
  cursor.locks = [];
  return completedTask();
}

function requestId(event: HistoryEvent): string {
  return (JSON.parse(event.Input ?? '{}') as EntityRequest).id;
}
