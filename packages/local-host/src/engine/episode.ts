/**
 * Turns an instance's messages into the next episode of its orchestrator. `runtime.ts` calls it before it invokes the
 * orchestrator; `finish.ts` continues with the reply. It is pure: it does no I/O and returns changes.
 */
import type { OrchestratorState } from './actions.ts';
import type { Engine, InstanceState } from './engine.ts';
import type { ThrownError } from './failure.ts';
import { append, completionKey, historyEvent, locksOf, timestamp } from './history.ts';
import { completeInstance } from './lifecycle.ts';
import {
  type Change,
  eventType,
  type HistoryEvent,
  type InstanceRecord,
  isTerminal,
  type StoredMessage,
} from './model.ts';
import { triggerText } from './trigger.ts';
import { mayRun } from './version.ts';

/** The orchestrator's answer: its state, or the error that the invocation threw. */
export type OrchestratorReply =
  | { ok: true; state: OrchestratorState; reusedTask?: string | undefined }
  | { ok: false; error: ThrownError };

/** Either the changes that settle the messages without running user code, or an episode to invoke; or the messages stay
 * where they are, because the instance's version is not for this host. */
export type Begun =
  | { type: 'rejected' }
  | { type: 'settled'; changes: Change[] /** Messages are left that may go on now. */; more: boolean }
  | ({ type: 'invoke' } & Episode);

export interface Episode {
  state: InstanceState;
  /** What is new: OrchestratorStarted and the messages' events. */
  fresh: HistoryEvent[];
  consumed: number[];
  /** Messages were left for the next episode. */
  left: boolean;
  /** The orchestration trigger's value as JSON text. */
  trigger: string;
}

/** Turns an instance's due messages into the next episode (`DT/TaskOrchestrationDispatcher.cs`). Pure. */
export function beginEpisode(engine: Engine, state: InstanceState, inbox: readonly StoredMessage[]): Begun {
  const { record } = state;
  const all = inbox.map((each) => each.seq);
  if (isTerminal(record.status)) return settle(all, []);

  const termination = inbox.find((each) => each.message.kind === 'terminate');
  if (termination !== undefined)
    return terminate(engine, state, all, (termination.message as { reason: string }).reason);

  if (!mayRun(engine.settings, record.version)) {
    return engine.settings.versionFailure === 'Fail' ? failForVersion(engine, state, inbox) : { type: 'rejected' };
  }

  const stop = inbox.findIndex((each) => each.message.kind === 'suspend' || each.message.kind === 'resume');
  if (record.status === 'Suspended' || stop === 0) {
    const control = inbox.find((each) => each.message.kind === (record.status === 'Suspended' ? 'resume' : 'suspend'));
    const useless = inbox.filter(
      (each) => each.message.kind === (record.status === 'Suspended' ? 'suspend' : 'resume'),
    );
    const consumed = [...useless, ...(control ? [control] : [])].map((each) => each.seq);
    return control === undefined ? settle(consumed, []) : suspendOrResume(engine, state, consumed, control);
  }

  const messages = stop < 0 ? inbox : inbox.slice(0, stop);
  const fresh = freshEvents(engine, state, messages);
  const rewound = messages.some((each) => each.message.kind === 'rewind');
  const consumed = messages.map((each) => each.seq);
  if (fresh.length <= 1 && !rewound) return settle(consumed, [], stop >= 0);
  return { type: 'invoke', state, fresh, consumed, left: stop >= 0, trigger: triggerText(engine, state, fresh) };
}

function settle(consumed: number[], changes: Change[], more = false): Begun {
  return { type: 'settled', changes: [{ type: 'consume', seqs: consumed }, ...changes], more };
}

function terminate(engine: Engine, state: InstanceState, consumed: number[], reason: string): Begun {
  const now = timestamp(engine, state);
  const event = historyEvent(eventType.executionTerminated, now, { Input: reason });
  const locks = locksOf(state);
  return settle(consumed, [
    ...append(state, [event]),
    ...completeInstance(engine, state.record, { status: 'Terminated', output: reason, now: Date.parse(now) }, locks),
  ]);
}

/** What the extension fails an instance with whose version does not fit, and what its parent learns. */
const versionMismatch = {
  ErrorType: 'VersionMismatch',
  ErrorMessage: 'Orchestration version did not comply with Worker Versioning',
  StackTrace: null,
  InnerFailure: null,
  IsNonRetriable: true,
};

function failForVersion(engine: Engine, state: InstanceState, inbox: readonly StoredMessage[]): Begun {
  const now = timestamp(engine, state);
  const output = `${versionMismatch.ErrorType}: ${versionMismatch.ErrorMessage}`;
  const events = [
    ...freshEvents(engine, state, inbox),
    historyEvent(eventType.executionCompleted, now, { OrchestrationStatus: 'Failed', Result: output }),
    historyEvent(eventType.orchestratorCompleted, now),
  ];
  const ending = { status: 'Failed', output, now: Date.parse(now), failureDetails: versionMismatch } as const;
  const consumed = inbox.map((each) => each.seq);
  return settle(consumed, [
    ...append(state, events),
    ...completeInstance(engine, state.record, ending, locksOf(state)),
  ]);
}

function suspendOrResume(engine: Engine, state: InstanceState, consumed: number[], control: StoredMessage): Begun {
  const now = timestamp(engine, state);
  const suspends = control.message.kind === 'suspend';
  const started = state.events.length > 0;
  const event = historyEvent(suspends ? eventType.executionSuspended : eventType.executionResumed, now, {
    Input: (control.message as { reason: string }).reason,
  });
  const events = started
    ? [historyEvent(eventType.orchestratorStarted, now), event, historyEvent(eventType.orchestratorCompleted, now)]
    : [];
  const status = suspends ? 'Suspended' : started ? 'Running' : 'Pending';
  const record: InstanceRecord = { ...state.record, status, updatedAt: Date.parse(now) };
  const changes: Change[] = [...append(state, events), { type: 'putInstance', record }];
  return settle(consumed, changes, true);
}

/** OrchestratorStarted and one event for each message that still means something; ExecutionStarted comes first. */
function freshEvents(engine: Engine, state: InstanceState, messages: readonly StoredMessage[]): HistoryEvent[] {
  const now = timestamp(engine, state);
  const { record } = state;
  const fresh = [historyEvent(eventType.orchestratorStarted, now)];
  let started = state.events.some((event) => event.EventType === eventType.executionStarted);
  const completed = new Set(state.events.map(completionKey).filter((key) => key !== undefined));
  const ordered = [...messages].sort(
    (a, b) => Number(b.message.kind === 'started') - Number(a.message.kind === 'started'),
  );
  for (const { message } of ordered) {
    switch (message.kind) {
      case 'started':
        if (started || message.executionId !== record.executionId) break;
        started = true;
        fresh.push(executionStarted(record, now));
        for (const { name, input } of message.carriedEvents) fresh.push(eventRaised(name, input, now));
        break;
      case 'completion': {
        if (!started || message.executionId !== record.executionId) break;
        const event = historyEvent(message.event.EventType, now, { ...message.event });
        const key = completionKey(event) ?? '';
        if (completed.has(key)) break;
        completed.add(key);
        fresh.push(event);
        break;
      }
      case 'event':
        if (message.executionId !== undefined && message.executionId !== record.executionId) break;
        if (started) fresh.push(eventRaised(message.name, message.input, now));
        break;
      default:
        break;
    }
  }
  return fresh;
}

function executionStarted(record: InstanceRecord, now: string): HistoryEvent {
  const { parent } = record;
  return historyEvent(eventType.executionStarted, now, {
    Name: record.name,
    Version: record.version,
    Input: record.input,
    OrchestrationInstance: { InstanceId: record.instanceId, ExecutionId: record.executionId },
    ParentInstance: parent && {
      Name: parent.name,
      OrchestrationInstance: { InstanceId: parent.instanceId, ExecutionId: parent.executionId },
      TaskScheduleId: parent.taskId,
      Version: '',
    },
    Tags: null,
    Correlation: null,
    ScheduledStartTime: null,
  });
}

function eventRaised(name: string, input: string | null, now: string): HistoryEvent {
  return historyEvent(eventType.eventRaised, now, { Name: name, Input: input });
}
