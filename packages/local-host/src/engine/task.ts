/**
 * A task of an orchestrator: a node in the tree of actions that are under way. The files that issue actions use it. A
 * task must finish only once.
 */
import { eventType, type HistoryEvent } from './model.ts';

/** A node of the tree of running actions. `onDone` is called once. */
export interface Task {
  done: boolean;
  failed: boolean;
  onDone: (() => void) | undefined;
  /** Set on a compound's children: for the SDK the compound has failed, but the host still waits for it. */
  isStale?: () => boolean;
}

export function newTask(): Task {
  return { done: false, failed: false, onDone: undefined };
}

export function completedTask(): Task {
  return { done: true, failed: false, onDone: undefined };
}

export function finish(task: Task, failed: boolean): void {
  task.done = true;
  task.failed = failed;
  task.onDone?.();
}

export function isFailure(event: HistoryEvent): boolean {
  return event.EventType === eventType.taskFailed || event.EventType === eventType.subOrchestrationFailed;
}
