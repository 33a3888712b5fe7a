import type { OrchestratorState } from './actions.ts';
import { ActionCursor, type CursorOptions, type Outgoing } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import { orchestratorFailure, rpcExceptionMessage, stateOfFailure, type ThrownError } from './failure.ts';
import { completeInstance, reportToParent } from './lifecycle.ts';
import {
  type Change,
  eventType,
  type FunctionNames,
  type HistoryEvent,
  type InstanceRecord,
  isTerminal,
  type Message,
  type Ports,
  type StoredMessage,
} from './model.ts';
import { startInstance } from './start.ts';

/** The settings of the durable task extension that shape an episode. */
export interface EngineSettings {
  shortTimerMaxMs: number;
  longTimerIntervalMs: number;
  httpPollDelayMs: number;
  defaultVersion: string;
  maxActions: number;
  /** Statuses in which a second start with the same instance ID is refused. */
  dedupeStatuses: readonly string[];
}

export interface Engine {
  ports: Ports;
  names: FunctionNames;
  settings: EngineSettings;
  /** Reads an instance other than the one at work. */
  lookup: (instanceId: string) => InstanceRecord | undefined;
}

/** An instance and what happened to it so far. `texts[i]` is `events[i]` as JSON, with `IsPlayed` true. */
export interface InstanceState {
  record: InstanceRecord;
  events: HistoryEvent[];
  texts: string[];
}

/** The orchestrator's answer: its state, or the error that the invocation threw. */
export type OrchestratorReply =
  | { ok: true; state: OrchestratorState; reusedTask?: string | undefined }
  | { ok: false; error: ThrownError };

/** Either the changes that settle the messages without running user code, or an episode to invoke. */
export type Begun =
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

/** What makes two completions the same: their task. A second one is a duplicate delivery. */
function completionKey(event: HistoryEvent): string | undefined {
  if (event.EventType === eventType.timerFired) return `timer ${event.TimerId}`;
  return event.TaskScheduledId === undefined ? undefined : `task ${event.TaskScheduledId}`;
}

function triggerText(engine: Engine, state: InstanceState, fresh: readonly HistoryEvent[]): string {
  const { record, texts, events } = state;
  const { settings } = engine;
  const rest = JSON.stringify({
    instanceId: record.instanceId,
    isReplaying: events.length > 0,
    parentInstanceId: record.parent?.instanceId ?? null,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 3,
    longRunningTimerIntervalDuration: timeSpan(settings.longTimerIntervalMs),
    maximumShortTimerDuration: timeSpan(settings.shortTimerMaxMs),
    defaultHttpAsyncRequestSleepTimeMillseconds: settings.httpPollDelayMs,
  });
  const history = [...texts, ...fresh.map((event) => JSON.stringify(event))].join();
  return `{"history":[${history}],"input":${record.input ?? 'null'},${rest.slice(1)}`;
}

/** A .NET TimeSpan, as in `3.00:00:00`. */
function timeSpan(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const fraction = milliseconds % 1000 === 0 ? '' : `.${String(milliseconds % 1000).padStart(3, '0')}`;
  const time = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 86400)}.${time}${fraction}`;
}

export interface Finished {
  changes: Change[];
  events: HistoryEvent[];
  status: InstanceRecord['status'];
  /** The text of a failure. */
  failure: string | undefined;
  /** The instance goes on under a new execution ID, with a new history. */
  replaced: boolean;
}

/** Settles an invoked episode: new history, outgoing messages and status as one set of changes. Pure. */
export function finishEpisode(engine: Engine, episode: Episode, reply: OrchestratorReply): Finished {
  const { state, fresh, consumed } = episode;
  const orchestrator = reply.ok ? reply.state : stateOfFailure(reply.error);
  const cursor = new ActionCursor(orchestrator?.actions?.[0] ?? [], cursorOptions(engine, state.record));
  const now = Date.parse(fresh[0]!.Timestamp);
  const consume: Change = { type: 'consume', seqs: consumed };

  const failure = walkFailure(engine, episode, reply, orchestrator, cursor);
  const events = [...fresh, ...cursor.events];
  const startedNow = new Set<string>();
  const outgoing = cursor.outgoing.flatMap((each) => sendOutgoing(engine, state.record, each, now, startedNow));
  const open = cursor.openTasks > 0 || !cursor.finished;
  const customStatus = orchestrator?.customStatus == null ? null : JSON.stringify(orchestrator.customStatus);
  const record: InstanceRecord = { ...state.record, status: 'Running', customStatus, updatedAt: now };

  const completed = (status: InstanceRecord['status'], output: string | null) => {
    events.push(
      historyEvent(eventType.executionCompleted, fresh[0]!.Timestamp, { OrchestrationStatus: status, Result: output }),
    );
    events.push(historyEvent(eventType.orchestratorCompleted, fresh[0]!.Timestamp));
    const end = completeInstance(engine, record, { status, output, now }, cursor.locks);
    return [consume, ...append(state, events), ...outgoing, ...end];
  };

  if (failure !== undefined && (failure.final || !open)) {
    const changes = completed('Failed', failure.text);
    return { changes, events, status: 'Failed', failure: failure.text, replaced: false };
  }
  if (failure === undefined && orchestrator?.isDone === true && !open) {
    if (cursor.continueAsNew !== undefined) {
      const changes = continueAsNew(engine, record, cursor, fresh, now);
      return {
        changes: [consume, ...outgoing, ...changes],
        events,
        status: 'Running',
        failure: undefined,
        replaced: true,
      };
    }
    const output = orchestrator.output === undefined ? null : JSON.stringify(orchestrator.output);
    const changes = completed('Completed', output);
    return { changes, events, status: 'Completed', failure: undefined, replaced: false };
  }
  events.push(historyEvent(eventType.orchestratorCompleted, fresh[0]!.Timestamp));
  const changes: Change[] = [consume, ...append(state, events), ...outgoing, { type: 'putInstance', record }];
  return { changes, events, status: 'Running', failure: undefined, replaced: false };
}

/** Why the instance fails, if it does; a `final` failure does not wait for open tasks. */
function walkFailure(
  engine: Engine,
  episode: Episode,
  reply: OrchestratorReply,
  orchestrator: OrchestratorState | undefined,
  cursor: ActionCursor,
): { text: string; final: boolean } | undefined {
  const { name } = episode.state.record;
  const fail = (text: string, final: boolean) => ({ text: orchestratorFailure(name, text), final });
  if (orchestrator === undefined) return fail(reply.ok ? 'no reply' : rpcExceptionMessage(reply.error), true);
  if (reply.ok && reply.reusedTask !== undefined) {
    const text =
      `a task (${reply.reusedTask}) that was in a Task.any or Task.all before is in another one now; in Azure it would ` +
      'be started a second time under another ID. Race a task once, then yield the task itself.';
    return fail(diagnostic('TaskReused', text), true);
  }
  if (countActions(orchestrator.actions[0] ?? []) > engine.settings.maxActions) {
    return fail(
      `The orchestration has more than ${engine.settings.maxActions} actions (maxOrchestrationActions).`,
      true,
    );
  }
  try {
    cursor.walk([...episode.state.events, ...episode.fresh]);
  } catch (error) {
    if (!(error instanceof OrchestrationFault)) throw error;
    return fail(error.message, true);
  }
  if (!reply.ok && !orchestrator.error) {
    const text =
      'the orchestrator threw something that is not an Error with a message; in Azure the instance would stay Running for ever.';
    return fail(diagnostic('EmptyError', text), true);
  }
  if (orchestrator.error) return fail(orchestrator.error, false);
  if (!orchestrator.isDone && cursor.finished && cursor.openTasks === 0 && !cursor.waitsForEvent) {
    const text =
      'the orchestrator has neither ended nor anything to wait for; in Azure the instance would stay Running for ever.';
    return fail(diagnostic('NothingToWaitFor', text), true);
  }
  return undefined;
}

function countActions(actions: OrchestratorState['actions'][number]): number {
  return actions.reduce((sum, action) => sum + 1 + countActions(action.compoundActions ?? []), 0);
}

/** The same instance under a new execution ID. Events that arrived with this episode and found no waiter are carried
 * over; those that were buffered before are lost, as they are in Azure with this SDK. */
function continueAsNew(
  engine: Engine,
  old: InstanceRecord,
  cursor: ActionCursor,
  fresh: readonly HistoryEvent[],
  now: number,
): Change[] {
  const executionId = engine.ports.newId().replaceAll('-', '');
  const input = cursor.continueAsNew?.input;
  const record: InstanceRecord = {
    ...old,
    executionId,
    status: 'Running',
    input: input === undefined ? null : JSON.stringify(input),
    updatedAt: now,
  };
  const carriedEvents = cursor
    .unconsumedEvents()
    .filter((event) => fresh.includes(event))
    .map((event) => ({ name: event.Name ?? '', input: event.Input ?? null }));
  const started: Message = { kind: 'started', executionId, carriedEvents };
  return [
    { type: 'clearHistory', instanceId: old.instanceId },
    { type: 'putInstance', record },
    { type: 'send', target: old.instanceId, visibleAt: 0, message: started },
  ];
}

function sendOutgoing(
  engine: Engine,
  from: InstanceRecord,
  out: Outgoing,
  now: number,
  startedNow: Set<string>,
): Change[] {
  const { instanceId, executionId } = from;
  switch (out.kind) {
    case 'activity':
      return [
        { type: 'addWork', work: { instanceId, executionId, taskId: out.taskId, name: out.name, input: out.input } },
      ];
    case 'timer': {
      const FireAt = new Date(out.fireAt).toISOString();
      const event = { EventType: eventType.timerFired, TimerId: out.taskId, FireAt };
      const message: Message = { kind: 'completion', executionId, event };
      return [{ type: 'send', target: instanceId, visibleAt: out.fireAt, message }];
    }
    case 'operation':
      return [{ type: 'send', target: out.target, visibleAt: 0, message: { kind: 'operation', request: out.request } }];
    case 'release':
      return [
        {
          type: 'send',
          target: out.target,
          visibleAt: 0,
          message: { kind: 'release', lockId: out.lockId, parent: instanceId },
        },
      ];
    case 'subOrchestration': {
      const parent = { instanceId, executionId, taskId: out.taskId, name: from.name };
      const existing = startedNow.has(out.instanceId) ? 'Pending' : engine.lookup(out.instanceId)?.status;
      if (existing !== undefined && !isTerminal(existing)) {
        const text = `An Orchestration instance with the status ${existing} already exists.`;
        return reportToParent(parent, { status: 'Failed', output: text });
      }
      startedNow.add(out.instanceId);
      return startInstance(engine, {
        instanceId: out.instanceId,
        name: out.name,
        version: out.version,
        input: out.input === undefined || out.input === null ? null : JSON.stringify(out.input),
        parent,
        now,
      });
    }
  }
}

function cursorOptions(engine: Engine, record: InstanceRecord): CursorOptions {
  const { settings } = engine;
  return {
    instanceId: record.instanceId,
    executionId: record.executionId,
    names: engine.names,
    newId: engine.ports.newId,
    shortTimerMaxMs: settings.shortTimerMaxMs,
    longTimerIntervalMs: settings.longTimerIntervalMs,
    httpPollDelayMs: settings.httpPollDelayMs,
    defaultVersion: settings.defaultVersion,
  };
}

/** Lock requests that a history has sent and not given back. */
function locksOf(state: InstanceState): { lockId: string; targets: string[] }[] {
  const locks = new Map<string, string[]>();
  for (const event of state.events) {
    if (event.EventType !== eventType.eventSent) continue;
    const request = JSON.parse(event.Input ?? '{}') as { id?: string; lockset?: { name: string; key: string }[] };
    if (event.Name === 'release') locks.delete(request.id ?? '');
    else if (request.lockset) {
      locks.set(
        request.id ?? '',
        request.lockset.map(({ name, key }) => `@${name}@${key}`),
      );
    }
  }
  return [...locks].map(([lockId, targets]) => ({ lockId, targets }));
}

function append(state: InstanceState, events: readonly HistoryEvent[]): Change[] {
  if (events.length === 0) return [];
  const texts = events.map(playedText);
  return [{ type: 'appendHistory', instanceId: state.record.instanceId, from: state.events.length, events: texts }];
}

/** An event as the history keeps it: of an earlier episode, hence played. */
export function playedText(event: HistoryEvent): string {
  return JSON.stringify({ ...event, IsPlayed: true });
}

function historyEvent(kind: number, now: string, fields: Partial<HistoryEvent> = {}): HistoryEvent {
  return { EventType: kind, EventId: -1, IsPlayed: false, Timestamp: now, ...fields };
}

/** Now, but never earlier than the history's last event: the SDK's clock only goes forward. */
function timestamp(engine: Engine, state: InstanceState): string {
  const last = state.events.at(-1);
  const now = engine.ports.now();
  return new Date(last === undefined ? now : Math.max(now, Date.parse(last.Timestamp))).toISOString();
}
