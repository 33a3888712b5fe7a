/**
 * Histories of orchestrations that were kept, and their replay by the code of today through the real SDK: what a deployment
 * does to every instance that runs. The recorder (`npm run histories`) and the test of histories use it. A replay calls no
 * activity and changes nothing.
 */
import { z } from 'zod';
import { ActionCursor } from '../../../packages/local-host/src/engine/cursor.ts';
import { OrchestrationFault } from '../../../packages/local-host/src/engine/diagnostics.ts';
import type { EngineSettings } from '../../../packages/local-host/src/engine/engine.ts';
import { stateOfFailure } from '../../../packages/local-host/src/engine/failure.ts';
import { eventType, type HistoryEvent, type InstanceRecord } from '../../../packages/local-host/src/engine/model.ts';
import type { Dispatch } from '../../../packages/local-host/src/engine/runtime.ts';
import { startAction } from '../../../packages/local-host/src/engine/tasks.ts';
import { triggerText } from '../../../packages/local-host/src/engine/trigger.ts';

const recordSchema = z.object({
  name: z.string(),
  version: z.string(),
  status: z.enum(['Completed', 'Failed', 'Terminated', 'Running']),
  instanceId: z.string(),
  executionId: z.string(),
  input: z.string().nullable(),
  parentInstanceId: z.string().nullable(),
});
const eventSchema = z.looseObject({
  EventType: z.int(),
  EventId: z.int(),
  IsPlayed: z.boolean(),
  Timestamp: z.iso.datetime(),
});

/** An instance and its history, as one file of `test/run/histories/VERSION/` holds it: a JSON object a line. */
export interface KeptHistory {
  record: z.infer<typeof recordSchema>;
  events: HistoryEvent[];
}

export function keptHistory(record: InstanceRecord, events: HistoryEvent[]): KeptHistory {
  return { record: recordSchema.parse({ ...record, parentInstanceId: record.parent?.instanceId ?? null }), events };
}

export function historyText({ record, events }: KeptHistory): string {
  return [record, ...events].map((each) => `${JSON.stringify(each)}\n`).join('');
}

/** @throws when the text is no kept history. */
export function parseHistory(text: string): KeptHistory {
  const [record, ...events] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return { record: recordSchema.parse(record), events: events.map((event) => eventSchema.parse(event)) };
}

const dayMs = 24 * 3600 * 1000;
const settings: EngineSettings = {
  shortTimerMaxMs: 6 * dayMs,
  longTimerIntervalMs: 3 * dayMs,
  httpPollDelayMs: 30_000,
  defaultVersion: '',
  versionMatch: 'None',
  versionFailure: 'Reject',
  maxActions: 100_000,
  storeInputs: false,
  terminateDelayMs: () => 0,
  dedupeStatuses: [],
};
/** A replay asks for kinds and names; whether there is such a function is not its question. */
const anyName = { orchestrator: same, activity: same, entity: same, known: () => [] };

function same(name: string): string {
  return name;
}

/** Counts the tasks that the orchestrator asks for. */
class CountingCursor extends ActionCursor {
  asked = 0;

  override issue(...task: Parameters<ActionCursor['issue']>): ReturnType<ActionCursor['issue']> {
    this.asked++;
    return super.issue(...task);
  }
}

const scheduling: readonly number[] = [
  eventType.taskScheduled,
  eventType.subOrchestrationCreated,
  eventType.timerCreated,
  eventType.eventSent,
];
const endings: readonly number[] = [
  eventType.executionCompleted,
  eventType.executionFailed,
  eventType.executionTerminated,
  eventType.orchestratorCompleted,
];

/**
 * Replays a whole history by the orchestrator of today.
 *
 * @returns how the two part, in words; undefined when today's code asks for the same tasks in the same order and comes to
 *   the same end.
 */
export async function partingOf(
  { record, events }: KeptHistory,
  dispatch: Pick<Dispatch, 'orchestrator'>,
): Promise<string | undefined> {
  const reply = await dispatch.orchestrator(record.name, triggerOf({ record, events }));
  const state = reply.ok ? reply.state : stateOfFailure(reply.error);
  if (state === undefined) return reply.ok ? 'it gives no answer' : `it throws: ${reply.error.message}`;
  const { instanceId, executionId } = record;
  const options = { ...settings, instanceId, executionId, names: anyName, newId: () => 'new' };
  const cursor = new CountingCursor(state.actions[0] ?? [], options, startAction);
  try {
    cursor.walk(events);
  } catch (error) {
    if (error instanceof OrchestrationFault) return error.message;
    throw error;
  }
  const more = cursor.events.map(({ EventType, Name }) => `${nameOf(EventType)} ${Name ?? ''}`.trim());
  if (more.length > 0) return `it asks for more than the history has: ${more.join(', ')}`;
  const had = events.filter(({ EventType }) => scheduling.includes(EventType)).length;
  if (cursor.asked < had) return `it asks for ${cursor.asked} tasks, where the history has ${had}`;
  const end = state.isDone ? 'Completed' : state.error ? 'Failed' : 'Running';
  const ended = record.status === 'Completed' || record.status === 'Failed' ? record.status : 'Running';
  return end === ended ? undefined : `it is ${end} at the end, where the history has ${ended} (${state.error ?? ''})`;
}

/** What the host gives the orchestrator at the last episode. */
function triggerOf({ record, events }: KeptHistory): string {
  const last = events.findLastIndex(({ EventType }) => EventType === eventType.orchestratorStarted);
  const fresh = events
    .slice(last)
    .filter(({ EventType }) => !scheduling.includes(EventType) && !endings.includes(EventType))
    .map((event) => ({ ...event, IsPlayed: false }));
  const before = events.slice(0, last);
  const { parentInstanceId, ...rest } = record;
  const parent =
    parentInstanceId === null ? null : { instanceId: parentInstanceId, executionId: '', taskId: 0, name: '' };
  const whole: InstanceRecord = { ...rest, parent, output: null, customStatus: null, createdAt: 0, updatedAt: 0 };
  const texts = before.map((event) => JSON.stringify(event));
  const engine = { settings, names: anyName, ports: { now: () => 0, newId: () => '' }, lookup: () => undefined };
  return triggerText(engine, { record: whole, events: before, texts }, fresh);
}

function nameOf(kind: number): string {
  const names = ['activity', 'sub-orchestration', 'timer', 'entity'];
  return names[scheduling.indexOf(kind)] ?? `event ${kind}`;
}
