/**
 * Rewinds a failed instance, and restarts an instance with its old input. `client.ts` calls it. What had succeeded must
 * stay in the history, so that it does not run again.
 */
import type { Engine } from './engine.ts';
import { type Change, eventType, type HistoryEvent, type InstanceRecord, type Message } from './model.ts';
import type { DurableRuntime } from './runtime.ts';
import { startInstance } from './start.ts';
import { isFailure } from './task.ts';

/** The changes that start `record`'s function again with the same input, under `instanceId`. */
export function restartedFrom(engine: Engine, record: InstanceRecord, instanceId: string): Change[] {
  const { name, version, input } = record;
  return startInstance(engine, { instanceId, name, version, input, parent: null, now: engine.ports.now() });
}

/**
 * Rewinds a failed instance. Failed tasks are removed from its history and done again, failed sub-orchestrations are
 * rewound too, and the instance is Running again. What had succeeded stays.
 */
export function rewindChanges(runtime: DurableRuntime, record: InstanceRecord, reason: string): Change[] {
  const { instanceId } = record;
  const events = runtime.store.history(instanceId).map((text) => JSON.parse(text) as HistoryEvent);
  const { again, children: failedChildren } = failuresIn(events);
  const kept = events.filter((event) => {
    if (event.EventType === eventType.executionCompleted) return false;
    if (event.EventType === eventType.subOrchestrationFailed && failedChildren.has(event.TaskScheduledId ?? -1))
      return false;
    return !again.has(event.EventId >= 0 ? event.EventId : (event.TaskScheduledId ?? event.TimerId ?? -1));
  });
  const now = runtime.engine.ports.now();
  const running: InstanceRecord = { ...record, status: 'Running', output: null, updatedAt: now };
  const wake: Message = { kind: 'rewind', reason };
  const children = events
    .filter((event) => event.EventType === eventType.subOrchestrationCreated && failedChildren.has(event.EventId))
    .map((event) => runtime.store.instance(event.InstanceId ?? ''))
    .filter((child) => child?.status === 'Failed');
  return [
    { type: 'clearHistory', instanceId },
    { type: 'appendHistory', instanceId, from: 0, events: kept.map((event) => JSON.stringify(event)) },
    { type: 'putInstance', record: running },
    { type: 'send', target: instanceId, visibleAt: 0, message: wake },
    ...children.flatMap((child) => (child === undefined ? [] : rewindChanges(runtime, child, reason))),
  ];
}

/**
 * What a rewind does again. Failed tasks are removed from the history with everything that belongs to them. Failed
 * sub-orchestrations stay in it and are rewound themselves. When a call with retries failed in the end, all its attempts
 * and the timers between them are removed; when it succeeded in the end, everything stays.
 */
function failuresIn(events: readonly HistoryEvent[]): { again: Set<number>; children: Set<number> } {
  const scheduled = new Map(events.filter(({ EventId }) => EventId >= 0).map((event) => [event.EventId, event]));
  const timerAfter = new Map<number, number>();
  const attemptAfter = new Map<number, number>();
  for (const { EventId, RetryFor, RetryAfter } of scheduled.values()) {
    if (RetryFor !== undefined) timerAfter.set(RetryFor, EventId);
    if (RetryAfter !== undefined) attemptAfter.set(RetryAfter, EventId);
  }
  const failed = new Set(events.filter(isFailure).map(({ TaskScheduledId }) => TaskScheduledId ?? -1));
  const [again, children] = [new Set<number>(), new Set<number>()];
  for (const first of failed) {
    if (scheduled.get(first)?.RetryAfter !== undefined) continue;
    const chain = [first];
    let last = first;
    for (let timer = timerAfter.get(first); timer !== undefined; timer = timerAfter.get(last)) {
      chain.push(timer);
      const next = attemptAfter.get(timer);
      if (next === undefined) break;
      chain.push(next);
      last = next;
    }
    if (!failed.has(last)) continue;
    const isChild = scheduled.get(first)?.EventType === eventType.subOrchestrationCreated;
    if (isChild && chain.length === 1) children.add(first);
    else for (const id of chain) again.add(id);
  }
  return { again, children };
}
