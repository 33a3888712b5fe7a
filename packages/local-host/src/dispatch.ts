/**
 * Connects the durable engine to the app: it runs orchestrators, entities and activities in the worker processes and
 * turns their answers into the engine's types. `runtime.ts` makes it. It must report an interrupted invocation as
 * `Interrupted`, because the engine then runs it again.
 */
import { randomUUID } from 'node:crypto';
import type { OrchestratorState } from './engine/actions.ts';
import type { EntityReply } from './engine/entity.ts';
import type { OrchestratorReply } from './engine/episode.ts';
import { activityFailure } from './engine/failure.ts';
import { httpActivityName } from './engine/http-task.ts';
import { unknownFunction } from './engine/known-function.ts';
import { type ActivityWork, type Completion, eventType } from './engine/model.ts';
import { payloadFailure } from './engine/payload.ts';
import { type Dispatch, EntityTimeout, Interrupted } from './engine/runtime.ts';
import type { AppFunction, FunctionTable } from './functions.ts';
import { runHttpActivity } from './http/http-activity.ts';
import { managedIdentity, type TokenSource } from './http/identity.ts';
import type { WorkerPool } from './worker/pool.ts';
import { FunctionError, FunctionTimeout, WorkerLost } from './worker/process.ts';
import type { Invocation, InvocationResult, TypedData } from './worker/protocol.ts';

/** Runs invocations; the worker pool does. */
export type Invoker = Pick<WorkerPool, 'invoke'>;

export interface DispatchOptions {
  pool: Invoker;
  functions: Pick<FunctionTable, 'find' | 'known'>;
  /** `functionTimeout`; undefined for none. */
  timeoutMs: number | undefined;
  /** The value of durable client bindings: activities may have one. @default empty */
  clientValue?: string;
  /** Gives tokens of a managed identity to durable HTTP requests. @default none */
  token?: TokenSource;
  /** Bytes that an activity's result may have. @default any number */
  payloadBytesMax?: number | undefined;
}

/** Reaches the app's orchestrators, entities and activities through its workers. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { pool, functions, timeoutMs } = options;
  return {
    async orchestrator(name, trigger) {
      const found = functions.find('orchestrator', name);
      if (found === undefined) return unknownOrchestrator(name, functions);
      try {
        const result = await pool.invoke('light', durableInvocation(found, trigger), timeoutMs);
        const state = JSON.parse(result.returnValue?.json ?? 'null') as OrchestratorState;
        return { ok: true, state, reusedTask: result.reusedTask };
      } catch (error) {
        if (error instanceof FunctionError) return { ok: false, error: error.thrown };
        throw interrupted(error);
      }
    },
    async entity(name, trigger) {
      const found = functions.find('entity', name);
      if (found === undefined) throw new Error(`no entity function '${name}'`);
      try {
        const result = await pool.invoke('light', durableInvocation(found, trigger), timeoutMs);
        return JSON.parse(result.returnValue?.json ?? 'null') as EntityReply;
      } catch (error) {
        if (error instanceof FunctionTimeout) throw new EntityTimeout(error.message);
        if (error instanceof FunctionError) throw error;
        throw interrupted(error);
      }
    },
    activity: (work) => runActivity(options, work),
  };
}

async function runActivity(options: DispatchOptions, work: ActivityWork): Promise<Completion> {
  const { pool, functions, timeoutMs, clientValue = '', token = managedIdentity({}, Date.now) } = options;
  if (work.name === httpActivityName) return await runHttpActivity(work, token);
  const found = functions.find('activity', work.name);
  if (found === undefined) {
    return failed(work, { message: `The activity function '${work.name}' does not exist any more.`, stack: '' });
  }
  try {
    const invocation = durableInvocation(found, work.input);
    invocation.inputs.push(...found.clients.map((name) => ({ name, data: { string: clientValue } })));
    invocation.triggerMetadata = {
      instanceId: { string: work.instanceId },
      ...(work.input !== null && { data: { string: work.input } }),
    };
    const result = await pool.invoke('heavy', invocation, timeoutMs);
    const Result = resultText(result);
    const oversized = payloadFailure(`the result of activity '${work.name}'`, Result, options.payloadBytesMax);
    if (oversized !== undefined) return failed(work, { message: oversized, stack: '' });
    return { EventType: eventType.taskCompleted, TaskScheduledId: work.taskId, Result };
  } catch (error) {
    if (error instanceof FunctionError) return failed(work, error.thrown);
    if (error instanceof FunctionTimeout) return failed(work, { message: error.message, stack: '' });
    throw interrupted(error);
  }
}

function failed(work: ActivityWork, error: { message: string; stack: string }): Completion {
  return { EventType: eventType.taskFailed, TaskScheduledId: work.taskId, ...activityFailure(work.name, error) };
}

function interrupted(error: unknown): Error {
  if (error instanceof WorkerLost || error instanceof FunctionTimeout) return new Interrupted(error.message);
  return error instanceof Error ? error : new Error(String(error));
}

/** An instance of a function that does not exist is started, and fails with the extension's text. */
function unknownOrchestrator(name: string, functions: DispatchOptions['functions']): OrchestratorReply {
  return { ok: true, state: { isDone: false, actions: [[]], error: unknownFunction(functions, 'orchestrator', name) } };
}

function durableInvocation(found: AppFunction, trigger: string | null): Invocation {
  return {
    id: randomUUID(),
    functionName: found.name,
    inputs: [{ name: found.trigger.name, data: trigger === null ? {} : { string: trigger } }],
    triggerMetadata: {},
  };
}

/** An activity's result as JSON text; null when it returned nothing. */
export function resultText(result: InvocationResult): string | null {
  const value: TypedData | undefined = result.returnValue;
  if (value?.json !== undefined) return value.json;
  if (value?.string !== undefined) return JSON.stringify(value.string);
  if (value?.bytes !== undefined) return JSON.stringify(Buffer.from(value.bytes).toString('base64'));
  const number = value?.int ?? value?.double;
  return number === undefined ? null : JSON.stringify(Number(number));
}
