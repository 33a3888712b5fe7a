import type { Engine } from './episode.ts';
import { type Change, eventType, type HistoryEvent, type InstanceRecord, type Message } from './model.ts';
import type { DurableRuntime } from './runtime.ts';
import { startInstance } from './start.ts';

/** The changes that start `record`'s function again with the same input, under `instanceId`. */
export function restartedFrom(engine: Engine, record: InstanceRecord, instanceId: string): Change[] {
  const { name, version, input } = record;
  return startInstance(engine, { instanceId, name, version, input, parent: null, now: engine.ports.now() });
}

/**
 * Rewinds a failed instance: failed tasks are taken out of its history and done again, failed sub-orchestrations are
 * rewound in turn, and the instance is Running again. What had succeeded stays.
 */
export function rewindChanges(runtime: DurableRuntime, record: InstanceRecord, reason: string): Change[] {
  const { instanceId } = record;
  const events = runtime.store.history(instanceId).map((text) => JSON.parse(text) as HistoryEvent);
  const failedTasks = new Set<number>();
  const failedChildren = new Set<number>();
  for (const event of events) {
    if (event.EventType === eventType.taskFailed) failedTasks.add(event.TaskScheduledId ?? -1);
    if (event.EventType === eventType.subOrchestrationFailed) failedChildren.add(event.TaskScheduledId ?? -1);
  }
  const kept = events.filter((event) => {
    if (event.EventType === eventType.executionCompleted) return false;
    if (event.EventType === eventType.taskScheduled) return !failedTasks.has(event.EventId);
    const isFailure = event.EventType === eventType.taskFailed || event.EventType === eventType.subOrchestrationFailed;
    return !isFailure;
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
