/**
 * Turns an orchestrator's reply into changes: the new history, outgoing messages and the status. `runtime.ts` calls it
 * after an episode. It is pure: it does no I/O, and nothing happens before the changes are committed.
 */
import type { OrchestratorState } from './actions.ts';
import { ActionCursor, type CursorOptions } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import type { Engine } from './engine.ts';
import type { Episode, OrchestratorReply } from './episode.ts';
import { orchestratorFailure, rpcExceptionMessage, stateOfFailure } from './failure.ts';
import { append, historyEvent } from './history.ts';
import { completeInstance, releaseLocks } from './lifecycle.ts';
import { type Change, eventType, type HistoryEvent, type InstanceRecord, type Message } from './model.ts';
import { sendOutgoing } from './outgoing.ts';
import { outgoingFailure, payloadFailure } from './payload.ts';
import { startAction } from './tasks.ts';

/** The extension refuses a custom status above 16 KB of UTF-16 (`DurableOrchestrationContext.SetCustomStatus`). */
const customStatusBytesMax = 16 * 1024;

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
  const cursor = new ActionCursor(orchestrator?.actions?.[0] ?? [], cursorOptions(engine, state.record), startAction);
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
  const { payloadBytesMax } = engine.settings;
  const output = orchestrator.isDone ? JSON.stringify(orchestrator.output) : undefined;
  const oversized = outgoingFailure(cursor, payloadBytesMax) ?? payloadFailure('the output', output, payloadBytesMax);
  if (oversized !== undefined) return fail(oversized, true);
  if (!reply.ok && !orchestrator.error) {
    const text =
      'the orchestrator threw something that is not an Error with a message; in Azure the instance would stay Running for ever.';
    return fail(diagnostic('EmptyError', text), true);
  }
  const statusBytes = 2 * (JSON.stringify(orchestrator.customStatus ?? null)?.length ?? 0);
  if (statusBytes > customStatusBytesMax) {
    return fail(`The custom status has ${statusBytes} bytes in UTF-16; the limit is ${customStatusBytesMax}.`, true);
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
    ...releaseLocks(old.instanceId, cursor.locks),
    { type: 'clearHistory', instanceId: old.instanceId },
    { type: 'putInstance', record },
    { type: 'send', target: old.instanceId, visibleAt: 0, message: started },
  ];
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
    storeInputs: settings.storeInputs,
  };
}
