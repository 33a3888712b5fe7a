/**
 * Issues an orchestrator's actions and returns the tasks to wait for. `finish.ts` calls it. Children of a compound task
 * must be issued from left to right and depth first, as the SDK does.
 */
import { type Action, actionType } from './actions.ts';
import type { ActionCursor } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import { startEntityCall, startLock, startRelease, startSignal } from './entity-tasks.ts';
import { startHttpCall } from './http-task.ts';
import { requireFunction } from './known-function.ts';
import { eventType, type RetryMarks } from './model.ts';
import { startWithRetry } from './retry.ts';
import { completedTask, finish, isFailure, newTask, type Task } from './task.ts';

/** Issues an action and returns the task to await. Compound children are issued left to right, depth first. */
export function startAction(cursor: ActionCursor, action: Action): Task {
  switch (action.actionType) {
    case actionType.callActivity:
      return startCall(cursor, action, issueActivity);
    case actionType.callSubOrchestrator:
      return startCall(cursor, action, issueSubOrchestration);
    case actionType.callActivityWithRetry:
      return startWithRetry(cursor, action, (marks) => issueActivity(cursor, action, marks));
    case actionType.callSubOrchestratorWithRetry:
      return startWithRetry(cursor, action, (marks) => issueSubOrchestration(cursor, action, marks));
    case actionType.continueAsNew:
      cursor.continueAsNew = { input: action.input };
      return completedTask();
    case actionType.createTimer:
      return startTimer(cursor, action);
    case actionType.waitForExternalEvent: {
      const task = newTask();
      cursor.awaitEvent(action.externalEventName ?? '', () => finish(task, false));
      return task;
    }
    case actionType.callEntity:
      return startEntityCall(cursor, action);
    case actionType.signalEntity:
      return startSignal(cursor, action);
    case actionType.lockEntities:
      return startLock(cursor, action);
    case actionType.releaseEntities:
      return startRelease(cursor);
    case actionType.callHttp:
      return startHttpCall(cursor, action);
    case actionType.whenAny:
      return startCompound(cursor, action, (children) => children.some((child) => child.done));
    case actionType.whenAll:
      return startCompound(cursor, action, (children) => children.every((child) => child.done));
    default:
      throw new OrchestrationFault(diagnostic('Unsupported', `action type ${action.actionType} is not known`));
  }
}

function startCall(
  cursor: ActionCursor,
  action: Action,
  issue: (cursor: ActionCursor, action: Action) => number,
): Task {
  const task = newTask();
  cursor.await(issue(cursor, action), (event) => finish(task, isFailure(event)));
  return task;
}

function issueActivity(cursor: ActionCursor, action: Action, marks: RetryMarks = {}): number {
  const name = requireFunction(cursor, 'activity', action.functionName ?? '');
  const { taskId } = cursor.issue(eventType.taskScheduled, name, (id) => ({
    fields: { Name: name, Version: '', Input: storedInput(cursor, action), ...marks },
    outgoing: { kind: 'activity', taskId: id, name, input: activityInput(action.input) },
  }));
  return taskId;
}

/** The input as a scheduling event holds it: nothing, unless `storeInputsInOrchestrationHistory` asks for it. */
function storedInput(cursor: ActionCursor, { input }: Action): string | null {
  return cursor.options.storeInputs && input !== undefined ? JSON.stringify([input]) : null;
}

/** An activity's input as RPC text (`DurableActivityContext`): strings came JSON-quoted from the SDK, booleans take
 * .NET's spelling. */
export function activityInput(input: unknown): string | null {
  if (input === undefined || input === null) return null;
  if (typeof input === 'string') return input;
  if (typeof input === 'boolean') return input ? 'True' : 'False';
  return JSON.stringify(input);
}

function issueSubOrchestration(cursor: ActionCursor, action: Action, marks: RetryMarks = {}): number {
  const name = requireFunction(cursor, 'orchestrator', action.functionName ?? '');
  const { taskId } = cursor.issue(eventType.subOrchestrationCreated, name, (id) => {
    const instanceId = action.instanceId || `${cursor.options.executionId}:${id}`;
    if (instanceId === cursor.options.instanceId || instanceId.startsWith('@')) {
      throw new OrchestrationFault(
        diagnostic('Unsupported', `'${instanceId}' cannot be the instance ID of a sub-orchestration`),
      );
    }
    const version = action.version ?? cursor.options.defaultVersion;
    return {
      fields: { Name: name, Version: version, InstanceId: instanceId, Input: storedInput(cursor, action), ...marks },
      outgoing: { kind: 'subOrchestration', taskId: id, name, version, instanceId, input: action.input },
    };
  });
  return taskId;
}

/** A timer, or several timers one after the other when it is due later than one timer may be. */
function startTimer(cursor: ActionCursor, action: Action): Task {
  const task = newTask();
  const fireAt = Date.parse(action.fireAt ?? '');
  if (Number.isNaN(fireAt)) {
    throw new OrchestrationFault(diagnostic('Unsupported', `a timer's time is not a date: ${action.fireAt}`));
  }
  const next = () => {
    const { shortTimerMaxMs, longTimerIntervalMs } = cursor.options;
    const far = fireAt - cursor.time > shortTimerMaxMs;
    const stepAt = far ? cursor.time + longTimerIntervalMs : fireAt;
    const taskId = cursor.issueTimer(stepAt);
    const fired = () => {
      if (cursor.time < fireAt) next();
      else finish(task, false);
    };
    cursor.await(taskId, fired, action.isCanceled === true);
  };
  next();
  return task;
}

function startCompound(cursor: ActionCursor, action: Action, isDone: (children: Task[]) => boolean): Task {
  const task = newTask();
  const children: Task[] = [];
  let started = false;
  const check = () => {
    if (started && !task.done && isDone(children)) finish(task, false);
  };
  const compound = action.compoundActions ?? [];
  let failedEarly = false;
  for (const childAction of compound) {
    const child = startAction(cursor, childAction);
    children.push(child);
    child.onDone = () => {
      failedEarly ||= child.failed && action.actionType === actionType.whenAll;
      check();
    };
    child.isStale = () => (failedEarly && !task.done) || task.isStale?.() === true;
  }
  started = true;
  check();
  return task;
}
