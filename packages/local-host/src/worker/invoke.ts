/**
 * Runs one invocation in a worker process: hooks, the function, its result. `main.ts` of this folder calls it. It must
 * follow the Functions Node worker step by step.
 */
import type { CoreInvocationContext, CoreModule } from './core-module.ts';
import type { FromWorker, Invocation, InvocationResult, LogLevel, TypedData } from './protocol.ts';
import { findReusedTask } from './reused-task.ts';

/** Runs one invocation through the app's programming model, hooks included (`W/eventHandlers/InvocationHandler.ts`). */
export async function invoke(
  core: CoreModule,
  invocation: Invocation,
  send: (message: FromWorker) => void,
): Promise<InvocationResult> {
  const { id, functionName } = invocation;
  const registered = core.functions.get(functionName);
  if (registered === undefined) throw new Error(`Function '${functionName}' is not registered in this worker.`);
  let invocationContext: { invocationContext?: object } = {};
  const context: CoreInvocationContext = {
    invocationId: id,
    request: {
      invocationId: id,
      functionId: functionName,
      inputData: invocation.inputs,
      triggerMetadata: invocation.triggerMetadata,
      traceContext: { traceParent: '', traceState: '', attributes: {} },
      ...(invocation.retryContext && { retryContext: invocation.retryContext }),
    },
    metadata: registered.metadata,
    log: (level, category, message) =>
      send({
        type: 'log',
        ...core.hookedLog({ level: level as LogLevel, category, message: String(message), ...invocationContext }),
        functionName,
        invocationId: id,
      }),
  };
  const model = await core.programmingModel.getInvocationModel(context);
  const prepared = await model.getArguments();
  invocationContext = { invocationContext: prepared.context };
  const hookData = {};
  const { appHookData } = core;
  const before = {
    hookData,
    appHookData,
    invocationContext: prepared.context,
    functionCallback: registered.callback,
    inputs: prepared.inputs,
  };
  context.state = 'preInvocationHooks';
  await core.runHooks('preInvocation', before);
  context.state = 'invocation';
  const after: Record<string, unknown> = {
    hookData,
    appHookData,
    invocationContext: prepared.context,
    inputs: before.inputs,
    result: null,
    error: null,
  };
  try {
    after.result = await model.invokeFunction(prepared.context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error ?? new Error('Unknown error');
  }
  context.state = 'postInvocationHooks';
  await core.runHooks('postInvocation', after);
  if (after.error != null) throw after.error;
  const reusedTask = findReusedTask(after.result);
  const response = await model.getResponse(prepared.context, after.result);
  return {
    ...(response.returnValue != null && { returnValue: response.returnValue as TypedData }),
    outputData: (response.outputData ?? []) as { name: string; data: TypedData }[],
    ...(reusedTask !== undefined && { reusedTask }),
    ...(after.result == null && { returnedNothing: true }),
  };
}

/** Any thrown thing as an error with a text, as the Node worker makes it (`W/errors.ts`). */
export function ensureError(thrown: unknown): { message: string; stack: string } {
  if (thrown instanceof Error) return { message: thrown.message, stack: thrown.stack ?? '' };
  const message = typeof thrown === 'string' ? thrown : thrown == null ? 'Unknown error' : JSON.stringify(thrown);
  return { message, stack: '' };
}
