/**
 * Shows an instance's history as the status API does. `durable-api.ts` calls it. The host's own marks must not be
 * shown.
 */
import { eventType, type HistoryEvent } from '../engine/model.ts';

const names: Record<number, string> = {
  [eventType.executionStarted]: 'ExecutionStarted',
  [eventType.executionCompleted]: 'ExecutionCompleted',
  [eventType.executionFailed]: 'ExecutionFailed',
  [eventType.executionTerminated]: 'ExecutionTerminated',
  [eventType.taskCompleted]: 'TaskCompleted',
  [eventType.taskFailed]: 'TaskFailed',
  [eventType.subOrchestrationCompleted]: 'SubOrchestrationInstanceCompleted',
  [eventType.subOrchestrationFailed]: 'SubOrchestrationInstanceFailed',
  [eventType.timerCreated]: 'TimerCreated',
  [eventType.timerFired]: 'TimerFired',
  [eventType.eventSent]: 'EventSent',
  [eventType.eventRaised]: 'EventRaised',
  [eventType.continueAsNew]: 'ContinueAsNew',
  [eventType.executionSuspended]: 'ExecutionSuspended',
  [eventType.executionResumed]: 'ExecutionResumed',
  [eventType.taskScheduled]: 'TaskScheduled',
  [eventType.subOrchestrationCreated]: 'SubOrchestrationInstanceCreated',
};

/**
 * A history as the status API shows it (`X/ContextImplementations/DurableClient.cs`): types by name, a task's
 * scheduling merged into its completion, the host's own marks left out.
 */
export function historyView(texts: readonly string[], show: { outputs: boolean; inputs: boolean }): object[] {
  const events = texts.map((text) => JSON.parse(text) as HistoryEvent);
  const scheduled = new Map<number, HistoryEvent>();
  for (const event of events) if (event.EventId >= 0) scheduled.set(event.EventId, event);
  const finished = new Set(
    events.map((event) => event.TaskScheduledId ?? event.TimerId).filter((id) => id !== undefined),
  );
  const view: object[] = [];
  for (const event of events) {
    const type = names[event.EventType];
    if (type === undefined || (event.EventId >= 0 && finished.has(event.EventId))) continue;
    const { EventId: _id, IsPlayed: _played, EventType: _type, Result, TaskScheduledId, TimerId, ...others } = event;
    const { RetryFor: _for, RetryAfter: _after, ...rest } = others;
    const origin = scheduled.get(TaskScheduledId ?? TimerId ?? -1);
    const shown: Record<string, unknown> = { EventType: type, ...rest };
    if (!show.inputs) delete shown.Input;
    if (event.EventType === eventType.executionStarted) {
      shown.FunctionName = event.Name;
      delete shown.Name;
    }
    if (show.outputs && Result !== undefined) shown.Result = Result;
    if (origin !== undefined) {
      shown.ScheduledTime = origin.Timestamp;
      if (origin.Name !== undefined) shown.FunctionName = origin.Name;
      if (show.inputs && origin.Input != null) shown.Input = origin.Input;
    }
    view.push(shown);
  }
  return view;
}
